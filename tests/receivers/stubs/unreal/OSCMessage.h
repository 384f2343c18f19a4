#pragma once

#include "CoreMinimal.h"

#include <variant>

class FOSCAddress
{
public:
	explicit FOSCAddress(const FString& Path) : Path(Path) {}

	FString GetFullPath() const { return Path; }

private:
	FString Path;
};

class FOSCMessage
{
public:
	using FArgument = std::variant<int32, float, FString>;

	FOSCMessage(const TCHAR* Path, std::vector<FArgument> Arguments) : Arguments(std::move(Arguments)), Address(Path) {}

	const FOSCAddress& GetAddress() const { return Address; }

	std::vector<FArgument> Arguments;

private:
	FOSCAddress Address;
};
