#pragma once

class FApp
{
public:
	static inline double DeltaTime = 1.0 / 60.0;

	static double GetDeltaTime() { return DeltaTime; }
};
