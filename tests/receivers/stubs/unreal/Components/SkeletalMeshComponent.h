#pragma once

#include "Components/ActorComponent.h"

class USkeletalMeshComponent : public UActorComponent
{
public:
	std::map<FName, float> Morphs;

	void SetMorphTarget(FName MorphTargetName, float Value, bool bRemoveZeroWeight = true)
	{
		Morphs[MorphTargetName] = Value;
	}
};
