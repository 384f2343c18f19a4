// An Unreal level without Unreal: it runs the component as the engine would and prints what happens.

#include "Components/SkeletalMeshComponent.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "Misc/App.h"
#include "OSCManager.h"
#include "VrferReceiverComponent.h"

static USkeletalMeshComponent Mesh;

static void Hear(const TCHAR* Path, std::vector<FOSCMessage::FArgument> Arguments)
{
	UOSCManager::Made->OnOscMessageReceived.Broadcast(FOSCMessage(Path, std::move(Arguments)), TEXT("127.0.0.1"), 9);
}

static void Tick(UVrferReceiverComponent& Receiver)
{
	Receiver.TickComponent(9.0f, LEVELTICK_All, nullptr);
	for (const auto& Morph : Mesh.Morphs)
	{
		std::printf("%s %.3f\n", *Morph.first.ToString(), Morph.second);
	}
}

int main()
{
	AActor Actor;
	UVrferReceiverComponent Receiver;
	Receiver.Owner = &Actor;
	UWorld World;
	Receiver.World = &World;
	Actor.Components = {&Receiver, &Mesh};
	Receiver.Smoothing = 0.0f;
	for (const TCHAR* Expression : {TEXT("happiness"), TEXT("surprise")})
	{
		FVrferShape Shape;
		Shape.Expression = Expression;
		Shape.MorphTarget = TEXT("Mouth");
		Receiver.Shapes.Add(Shape);
	}
	Receiver.OnLabelChanged.Listener = [](const FString& Label) { std::printf("label %s\n", *Label); };
	Receiver.OnFaceSeen.Listener = [] { std::printf("seen\n"); };
	Receiver.OnFaceLost.Listener = [] { std::printf("lost\n"); };
	Receiver.OnNamedEvent.Listener = [](const FString& Name, bool bOn) { std::printf("%s %d\n", *Name, bOn); };

	Receiver.BeginPlay();
	Hear(TEXT("/vrfer/face"), {1});
	Hear(TEXT("/vrfer/label"), {FString(TEXT("happiness"))});
	Hear(TEXT("/vrfer/happiness"), {0.5f});
	Hear(TEXT("/vrfer/surprise"), {0.25f});
	Hear(TEXT("/vrfer/event/calm"), {1});
	Hear(TEXT("/vrfer/event/calm"), {1.0f});
	Hear(TEXT("/vrfer/event/calm"), {0.0f});
	Hear(TEXT("/vrfer/event/calm"), {1});
	Hear(TEXT("/vrfer/surprise"), {NAN});
	Hear(TEXT("/vrfer/surprise"), {});
	Hear(TEXT("/vrfer/label"), {7});
	Hear(TEXT("/other/label"), {FString(TEXT("anger"))});
	Tick(Receiver);
	Receiver.Smoothing = 0.1f;
	FApp::DeltaTime = 0.1;
	Hear(TEXT("/vrfer/happiness"), {0.0f});
	Hear(TEXT("/vrfer/surprise"), {0.0f});
	Tick(Receiver);
	FApp::DeltaTime = 3.0;
	std::printf("level loads\n");
	Tick(Receiver);
	std::printf("pause\n");
	FApp::DeltaTime = 0.2;
	World.bPaused = true;
	for (int Frame = 0; Frame < 20; ++Frame)
	{
		Receiver.TickComponent(0.0f, LEVELTICK_All, nullptr);
	}
	World.bPaused = false;
	std::printf("silence\n");
	for (int Frame = 0; Frame < 10; ++Frame)
	{
		Receiver.TickComponent(0.2f, LEVELTICK_All, nullptr);
	}
	Tick(Receiver);
	std::printf("again\n");
	Hear(TEXT("/vrfer/label"), {FString(TEXT("fear"))});
	Receiver.EndPlay(EEndPlayReason::Destroyed);
	std::printf("active %d\n", UOSCManager::Made->IsActive());
	Receiver.Port = 1;
	Receiver.BeginPlay();
	return 0;
}
