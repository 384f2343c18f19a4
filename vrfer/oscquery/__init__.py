"""OSCQuery: programs on this computer find vrfer, and vrfer finds them (docs/oscquery.md)."""
