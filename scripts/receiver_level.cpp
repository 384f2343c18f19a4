// An Unreal level without Unreal, for scripts/receiver_table.py: it hands the component the messages
// that stand on standard input, one a line, and prints what it does.
//
// A line: address, then i, f or s and a value for each argument. An empty line ends a packet: the
// component ticks, and the morph targets are printed.

#include "Components/SkeletalMeshComponent.h"
#include "GameFramework/Actor.h"
#include "Misc/App.h"
#include "OSCManager.h"
#include "VrferReceiverComponent.h"

#include <iostream>
#include <sstream>
#include <string>

static void Hand(const std::string& Line)
{
	std::istringstream Words(Line);
	std::string Address, Kind, Value;
	Words >> Address;
	std::vector<FOSCMessage::FArgument> Arguments;
	while (Words >> Kind >> Value)
	{
		if (Kind == "i")
		{
			Arguments.emplace_back(static_cast<int32>(std::stol(Value)));
		}
		else if (Kind == "f")
		{
			Arguments.emplace_back(std::stof(Value));
		}
		else
		{
			Arguments.emplace_back(FString(Value.c_str()));
		}
	}
	FOSCMessage Message(Address.c_str(), std::move(Arguments));
	UOSCManager::Made->OnOscMessageReceived.Broadcast(Message, TEXT("127.0.0.1"), 9);
}

int main()
{
	static const TCHAR* const Names[] = {TEXT("neutral"), TEXT("happiness"), TEXT("surprise"), TEXT("sadness"),
		TEXT("anger"), TEXT("disgust"), TEXT("fear"), TEXT("contempt")};
	USkeletalMeshComponent Mesh;
	AActor Actor;
	UVrferReceiverComponent Receiver;
	Receiver.Owner = &Actor;
	Actor.Components = {&Receiver, &Mesh};
	Receiver.Smoothing = 0.0f;
	FApp::DeltaTime = 0.01;
	for (const TCHAR* Name : Names)
	{
		FVrferShape Shape;
		Shape.Expression = Name;
		Shape.MorphTarget = Name;
		Receiver.Shapes.Add(Shape);
	}
	Receiver.OnLabelChanged.Listener = [](const FString& Label) { std::printf("label %s\n", *Label); };
	Receiver.OnNamedEvent.Listener = [](const FString& Name, bool bOn) { std::printf("event %s %d\n", *Name, bOn); };
	Receiver.BeginPlay();
	std::string Line;
	while (std::getline(std::cin, Line))
	{
		if (!Line.empty())
		{
			Hand(Line);
			continue;
		}
		Receiver.TickComponent(0.01f, LEVELTICK_All, nullptr);
		std::printf("weights");
		for (const TCHAR* Name : Names)
		{
			std::printf(" %.6f", Mesh.Morphs[FName(Name)]);
		}
		std::printf("\n");
	}
	return 0;
}
