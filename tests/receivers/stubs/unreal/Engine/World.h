#pragma once

class UWorld
{
public:
	/** What the stand-in offers in place of a pause menu. */
	bool bPaused = false;

	bool IsPaused() const { return bPaused; }
};
