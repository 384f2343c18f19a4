// GPL-3.0-or-later, part of vrfer.

#include "VrferReceiverComponent.h"

#include "Components/SkeletalMeshComponent.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "Misc/App.h"
#include "OSCManager.h"
#include "OSCServer.h"

namespace
{
	constexpr int32 ExpressionCount = 8;
	constexpr int32 MostEvents = 256;
	constexpr float LongestFrame = 0.25f;

	const TCHAR* const ExpressionNames[ExpressionCount] = {
		TEXT("neutral"), TEXT("happiness"), TEXT("surprise"), TEXT("sadness"),
		TEXT("anger"), TEXT("disgust"), TEXT("fear"), TEXT("contempt"),
	};

	int32 IndexOfExpression(const FString& Name)
	{
		for (int32 Index = 0; Index < ExpressionCount; ++Index)
		{
			if (Name == ExpressionNames[Index])
			{
				return Index;
			}
		}
		return INDEX_NONE;
	}

	/** The plugin logs a warning for every wrong type, so the likely one is asked for first. */
	bool ReadSwitch(const FOSCMessage& Message, bool& bOn)
	{
		int32 Whole = 0;
		if (UOSCManager::GetInt32(Message, 0, Whole))
		{
			bOn = Whole != 0;
			return true;
		}
		float Number = 0.0f;
		if (UOSCManager::GetFloat(Message, 0, Number))
		{
			bOn = Number >= 0.5f;
			return true;
		}
		return false;
	}
}

UVrferReceiverComponent::UVrferReceiverComponent()
{
	PrimaryComponentTick.bCanEverTick = true;
	// A paused scene must not freeze the face of a person.
	PrimaryComponentTick.bTickEvenWhenPaused = true;
	Target.Init(0.0f, ExpressionCount);
	Now.Init(0.0f, ExpressionCount);
}

void UVrferReceiverComponent::BeginPlay()
{
	Super::BeginPlay();
	if (FaceMesh == nullptr && GetOwner() != nullptr)
	{
		FaceMesh = GetOwner()->FindComponentByClass<USkeletalMeshComponent>();
	}
	Server = UOSCManager::CreateOSCServer(ReceiveAddress, Port, false, true, TEXT("vrfer"), this);
	if (Server == nullptr || !Server->IsActive())
	{
		UE_LOG(LogTemp, Error,
			TEXT("vrfer: UDP port %d cannot be listened to. Close the program that uses it, or choose another port here and in vrfer."),
			Port);
		return;
	}
	Server->OnOscMessageReceived.AddDynamic(this, &UVrferReceiverComponent::HearMessage);
}

void UVrferReceiverComponent::EndPlay(const EEndPlayReason::Type Reason)
{
	if (Server != nullptr)
	{
		Server->OnOscMessageReceived.RemoveDynamic(this, &UVrferReceiverComponent::HearMessage);
		Server->Stop();
		Server = nullptr;
	}
	Rest();
	MoveFace(1.0f);
	Super::EndPlay(Reason);
}

void UVrferReceiverComponent::TickComponent(
	float DeltaTime, ELevelTick TickType, FActorComponentTickFunction* ThisTickFunction)
{
	Super::TickComponent(DeltaTime, TickType, ThisTickFunction);
	// The engine's DeltaTime follows slow motion; a person does not.
	const float Elapsed = static_cast<float>(FApp::GetDeltaTime());
	// The engine may hand no messages over while it is paused, and a frame that took seconds is no
	// silence either: what came meanwhile may be handed over after this.
	const bool bPaused = GetWorld() != nullptr && GetWorld()->IsPaused();
	Silence = bHeard || bPaused ? 0.0f : Silence + FMath::Min(Elapsed, LongestFrame);
	bHeard = false;
	if (!bResting && RestAfterSilence > 0.0f && Silence >= RestAfterSilence)
	{
		Rest();
	}
	MoveFace(Smoothing > 0.0f ? 1.0f - FMath::Exp(-Elapsed / Smoothing) : 1.0f);
}

float UVrferReceiverComponent::GetExpression(const FString& Expression) const
{
	const int32 Index = IndexOfExpression(Expression);
	return Index == INDEX_NONE ? 0.0f : Now[Index];
}

void UVrferReceiverComponent::SetFaceMesh(USkeletalMeshComponent* Mesh)
{
	FaceMesh = Mesh;
}

// The plugin calls this on the game thread, once a message, also for those inside bundles.
void UVrferReceiverComponent::HearMessage(const FOSCMessage& Message, const FString& IPAddress, int32 SenderPort)
{
	FString Name = Message.GetAddress().GetFullPath();
	if (!Name.RemoveFromStart(TEXT("/vrfer/")))
	{
		return;
	}
	bHeard = true;
	bResting = false;
	bool bOn = false;
	if (Name == TEXT("label"))
	{
		FString Text;
		if (UOSCManager::GetString(Message, 0, Text))
		{
			SetLabel(Text);
		}
	}
	else if (Name == TEXT("face"))
	{
		if (ReadSwitch(Message, bOn))
		{
			SetFace(bOn);
		}
	}
	else if (Name.RemoveFromStart(TEXT("event/")))
	{
		if (ReadSwitch(Message, bOn))
		{
			SetNamedEvent(Name, bOn);
		}
	}
	else
	{
		const int32 Index = IndexOfExpression(Name);
		float Number = 0.0f;
		if (Index != INDEX_NONE && UOSCManager::GetFloat(Message, 0, Number) && FMath::IsFinite(Number))
		{
			Target[Index] = Number;
		}
	}
}

void UVrferReceiverComponent::SetLabel(const FString& NewLabel)
{
	if (NewLabel == Label)
	{
		return;
	}
	Label = NewLabel;
	OnLabelChanged.Broadcast(Label);
}

void UVrferReceiverComponent::SetFace(bool bSeen)
{
	if (bSeen == bFace)
	{
		return;
	}
	bFace = bSeen;
	(bFace ? OnFaceSeen : OnFaceLost).Broadcast();
}

void UVrferReceiverComponent::SetNamedEvent(const FString& Name, bool bOn)
{
	const bool* Was = NamedEvents.Find(Name);
	if ((Was != nullptr && *Was) == bOn || (Was == nullptr && NamedEvents.Num() >= MostEvents))
	{
		return;
	}
	NamedEvents.Add(Name, bOn);
	OnNamedEvent.Broadcast(Name, bOn);
}

void UVrferReceiverComponent::Rest()
{
	bResting = true;
	Target.Init(0.0f, ExpressionCount);
	SetLabel(TEXT("none"));
	SetFace(false);
	TArray<FString> Names;
	NamedEvents.GetKeys(Names);
	for (const FString& Name : Names)
	{
		SetNamedEvent(Name, false);
	}
}

void UVrferReceiverComponent::MoveFace(float Share)
{
	for (int32 Index = 0; Index < ExpressionCount; ++Index)
	{
		Now[Index] += (Target[Index] - Now[Index]) * Share;
	}
	if (FaceMesh == nullptr)
	{
		return;
	}
	// Several expressions may move one morph target: their weights add up.
	TMap<FName, float> Weights;
	for (const FVrferShape& Shape : Shapes)
	{
		Weights.FindOrAdd(Shape.MorphTarget) += GetExpression(Shape.Expression) * Shape.Gain;
	}
	for (const TPair<FName, float>& Weight : Weights)
	{
		FaceMesh->SetMorphTarget(Weight.Key, Weight.Value);
	}
}
