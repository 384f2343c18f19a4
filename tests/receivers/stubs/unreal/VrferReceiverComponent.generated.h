// What Unreal's header tool writes, as far as the component needs it.

#pragma once

#define GENERATED_BODY() using Super = UActorComponent;
