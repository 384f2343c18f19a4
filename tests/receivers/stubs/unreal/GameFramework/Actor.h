#pragma once

#include "Components/ActorComponent.h"

class AActor : public UObject
{
public:
	std::vector<UActorComponent*> Components;

	template <typename Wanted>
	Wanted* FindComponentByClass() const
	{
		for (UActorComponent* Component : Components)
		{
			if (Wanted* Found = dynamic_cast<Wanted*>(Component))
			{
				return Found;
			}
		}
		return nullptr;
	}
};
