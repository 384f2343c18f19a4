#pragma once

#include "OSCMessage.h"

using FOSCReceivedMessageEvent = TDynamicDelegate<const FOSCMessage&, const FString&, int32>;

class UOSCServer : public UObject
{
public:
	FOSCReceivedMessageEvent OnOscMessageReceived;
	bool bActive = true;

	bool IsActive() const { return bActive; }
	void Stop() { bActive = false; }
};
