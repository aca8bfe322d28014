#pragma once

namespace tenure::core {

/// What threads that tidy up run with: answers go before them. Not the lowest: the end of the
/// server waits for what is begun, however busy the machine is with other work.
inline constexpr int kTidyingNiceness = 10;

/// From 1 (a little) to 19: the calling thread yields the cores to the rest of the process; 0
/// leaves it as it is. Not being allowed to costs nothing but fairness, and is no error.
void be_nice(int niceness);

}  // namespace tenure::core
