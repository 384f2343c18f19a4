#pragma once

#include "CoreMinimal.h"

class AActor;
class UWorld;

enum ELevelTick
{
	LEVELTICK_All,
};

namespace EEndPlayReason
{
	enum Type
	{
		Destroyed,
	};
}

struct FActorComponentTickFunction
{
	bool bCanEverTick = false;
	bool bTickEvenWhenPaused = false;
};

class UActorComponent : public UObject
{
public:
	FActorComponentTickFunction PrimaryComponentTick;

	/** What the stand-in offers in place of a level. */
	AActor* Owner = nullptr;
	UWorld* World = nullptr;

	AActor* GetOwner() const { return Owner; }
	UWorld* GetWorld() const { return World; }
	virtual void BeginPlay() {}
	virtual void EndPlay(const EEndPlayReason::Type) {}
	virtual void TickComponent(float, ELevelTick, FActorComponentTickFunction*) {}
};
