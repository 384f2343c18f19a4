#pragma once

#include "OSCServer.h"

class UOSCManager : public UObject
{
public:
	/** The server made last; port 1 is never free. */
	static inline UOSCServer* Made = nullptr;

	static UOSCServer* CreateOSCServer(FString ReceiveIPAddress, int32 Port, bool bMulticastLoopback,
		bool bStartListening, FString ServerName, UObject* Outer = nullptr)
	{
		Made = new UOSCServer();
		Made->bActive = bStartListening && Port != 1;
		return Made;
	}

	static bool GetInt32(const FOSCMessage& Message, const int32 Index, int32& Value) { return Get(Message, Index, Value); }
	static bool GetFloat(const FOSCMessage& Message, const int32 Index, float& Value) { return Get(Message, Index, Value); }
	static bool GetString(const FOSCMessage& Message, const int32 Index, FString& Value) { return Get(Message, Index, Value); }

private:
	template <typename Type>
	static bool Get(const FOSCMessage& Message, int32 Index, Type& Value)
	{
		if (Index >= static_cast<int32>(Message.Arguments.size()))
		{
			return false;
		}
		const Type* Found = std::get_if<Type>(&Message.Arguments[Index]);
		if (Found != nullptr)
		{
			Value = *Found;
		}
		return Found != nullptr;
	}
};
