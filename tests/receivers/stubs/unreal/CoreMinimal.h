// Stand-in for the part of Unreal's core that VrferReceiverComponent uses, after Epic's
// documentation. It holds values and calls listeners; there is no engine behind it.

#pragma once

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

using int32 = std::int32_t;
using uint16 = std::uint16_t;
using TCHAR = char;

#define TEXT(text) text
#define INDEX_NONE (-1)
#define UE_LOG(category, verbosity, format, ...) std::printf(#verbosity " " format "\n", ##__VA_ARGS__)

#define UCLASS(...)
#define USTRUCT(...)
#define UPROPERTY(...)
#define UFUNCTION(...)

class FString
{
public:
	FString() = default;
	FString(const TCHAR* Text) : Text(Text) {}

	const TCHAR* operator*() const { return Text.c_str(); }
	bool operator==(const FString& Other) const { return Text == Other.Text; }
	bool operator==(const TCHAR* Other) const { return Text == Other; }
	bool operator<(const FString& Other) const { return Text < Other.Text; }

	bool RemoveFromStart(const TCHAR* Prefix)
	{
		const std::string Beginning(Prefix);
		if (Text.compare(0, Beginning.size(), Beginning) != 0)
		{
			return false;
		}
		Text.erase(0, Beginning.size());
		return true;
	}

private:
	std::string Text;
};

class FName
{
public:
	FName() = default;
	FName(const TCHAR* Text) : Text(Text) {}

	bool operator<(const FName& Other) const { return Text < Other.Text; }
	FString ToString() const { return FString(Text.c_str()); }

private:
	std::string Text;
};

template <typename Element>
class TArray
{
public:
	void Init(const Element& Value, int32 Count) { Elements.assign(Count, Value); }
	void Add(const Element& Value) { Elements.push_back(Value); }
	Element& operator[](int32 Index) { return Elements.at(Index); }
	const Element& operator[](int32 Index) const { return Elements.at(Index); }
	auto begin() { return Elements.begin(); }
	auto end() { return Elements.end(); }
	auto begin() const { return Elements.begin(); }
	auto end() const { return Elements.end(); }

private:
	std::vector<Element> Elements;
};

template <typename KeyType, typename ValueType>
struct TPair
{
	KeyType Key;
	ValueType Value;
};

template <typename KeyType, typename ValueType>
class TMap
{
public:
	const ValueType* Find(const KeyType& Key) const
	{
		const auto Found = Index.find(Key);
		return Found == Index.end() ? nullptr : &Pairs[Found->second].Value;
	}

	ValueType& FindOrAdd(const KeyType& Key)
	{
		const auto Added = Index.emplace(Key, Pairs.size());
		if (Added.second)
		{
			Pairs.push_back({Key, ValueType()});
		}
		return Pairs[Added.first->second].Value;
	}

	void Add(const KeyType& Key, const ValueType& Value) { FindOrAdd(Key) = Value; }
	int32 Num() const { return static_cast<int32>(Pairs.size()); }

	void GetKeys(TArray<KeyType>& Keys) const
	{
		for (const TPair<KeyType, ValueType>& Pair : Pairs)
		{
			Keys.Add(Pair.Key);
		}
	}

	auto begin() const { return Pairs.begin(); }
	auto end() const { return Pairs.end(); }

private:
	std::vector<TPair<KeyType, ValueType>> Pairs;
	std::map<KeyType, std::size_t> Index;
};

struct FMath
{
	static float Exp(float Power) { return std::exp(Power); }
	static float Min(float One, float Other) { return One < Other ? One : Other; }
	static bool IsFinite(float Value) { return std::isfinite(Value); }
};

class UObject
{
public:
	virtual ~UObject() = default;
};

/** Unreal's dynamic delegates; listeners of a test are functions. */
template <typename... Arguments>
class TDynamicDelegate
{
public:
	std::function<void(Arguments...)> Listener;

	void Broadcast(Arguments... Values) const
	{
		if (Listener)
		{
			Listener(Values...);
		}
	}

	template <typename Owner>
	void AddDynamic(Owner* Object, void (Owner::*Method)(Arguments...))
	{
		Listener = [Object, Method](Arguments... Values) { (Object->*Method)(Values...); };
	}

	template <typename Owner>
	void RemoveDynamic(Owner*, void (Owner::*)(Arguments...))
	{
		Listener = nullptr;
	}
};

#define DECLARE_DYNAMIC_MULTICAST_DELEGATE(Name) using Name = TDynamicDelegate<>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, Type1, Name1) using Name = TDynamicDelegate<Type1>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, Type1, Name1, Type2, Name2) \
	using Name = TDynamicDelegate<Type1, Type2>
