// vrfer in Unreal, through the engine's own OSC plugin: drives morph targets, raises events.
// GPL-3.0-or-later, part of vrfer. Unreal 4.27 or 5.

#pragma once

#include "CoreMinimal.h"
#include "Components/ActorComponent.h"
#include "OSCMessage.h"
#include "VrferReceiverComponent.generated.h"

class UOSCServer;
class USkeletalMeshComponent;

/** Which morph target an expression moves, and how far. */
USTRUCT(BlueprintType)
struct FVrferShape
{
	GENERATED_BODY()

	/** neutral, happiness, surprise, sadness, anger, disgust, fear or contempt */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	FString Expression = TEXT("happiness");

	/** Name of the morph target, as the mesh calls it. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	FName MorphTarget;

	/** Weight of the morph target at probability 1. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	float Gain = 1.0f;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FVrferLabelChanged, const FString&, Label);
DECLARE_DYNAMIC_MULTICAST_DELEGATE(FVrferFaceChanged);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FVrferNamedEvent, const FString&, Name, bool, bOn);

/** Hears vrfer, moves the morph targets of its actor's face, raises events. */
UCLASS(ClassGroup = (vrfer), meta = (BlueprintSpawnableComponent))
class UVrferReceiverComponent : public UActorComponent
{
	GENERATED_BODY()

public:
	UVrferReceiverComponent();

	/** The UDP port that vrfer sends to. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	int32 Port = 9000;

	/** 127.0.0.1 hears this computer only, 0.0.0.0 others too. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	FString ReceiveAddress = TEXT("127.0.0.1");

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	TArray<FVrferShape> Shapes;

	/** Seconds in which the face moves about two thirds of the way; 0 follows at once. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	float Smoothing = 0.08f;

	/** Seconds without vrfer after which the face goes back to rest; 0 never. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "vrfer")
	float RestAfterSilence = 2.0f;

	/** The label is another one; "none" without a face. */
	UPROPERTY(BlueprintAssignable, Category = "vrfer")
	FVrferLabelChanged OnLabelChanged;

	UPROPERTY(BlueprintAssignable, Category = "vrfer")
	FVrferFaceChanged OnFaceSeen;

	UPROPERTY(BlueprintAssignable, Category = "vrfer")
	FVrferFaceChanged OnFaceLost;

	/** /vrfer/event/NAME began or ended. */
	UPROPERTY(BlueprintAssignable, Category = "vrfer")
	FVrferNamedEvent OnNamedEvent;

	/** The smoothed probability of an expression, 0-1; 0 for an unknown name. */
	UFUNCTION(BlueprintPure, Category = "vrfer")
	float GetExpression(const FString& Expression) const;

	UFUNCTION(BlueprintPure, Category = "vrfer")
	FString GetLabel() const { return Label; }

	UFUNCTION(BlueprintPure, Category = "vrfer")
	bool SeesFace() const { return bFace; }

	/** Choose the mesh to move; without, it is the first skeletal mesh of the actor. */
	UFUNCTION(BlueprintCallable, Category = "vrfer")
	void SetFaceMesh(USkeletalMeshComponent* Mesh);

	virtual void BeginPlay() override;
	virtual void EndPlay(const EEndPlayReason::Type Reason) override;
	virtual void TickComponent(float DeltaTime, ELevelTick TickType,
		FActorComponentTickFunction* ThisTickFunction) override;

private:
	UFUNCTION()
	void HearMessage(const FOSCMessage& Message, const FString& IPAddress, int32 SenderPort);

	void SetLabel(const FString& NewLabel);
	void SetFace(bool bSeen);
	void SetNamedEvent(const FString& Name, bool bOn);
	void Rest();
	void MoveFace(float Share);

	UPROPERTY(Transient)
	UOSCServer* Server = nullptr;

	UPROPERTY(Transient)
	USkeletalMeshComponent* FaceMesh = nullptr;

	TArray<float> Target;
	TArray<float> Now;
	TMap<FString, bool> NamedEvents;
	FString Label = TEXT("none");
	bool bFace = false;
	bool bHeard = false;
	bool bResting = true;
	float Silence = 0.0f;
};
