#pragma once

namespace tenure::core {

/// Prints where and what to standard error, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tenure::core

/// Our own broken invariant: always checked, ends the process. Never for input, files or peers;
/// those are a core::Result.
#define TENURE_ASSERT(condition)      \
  ((condition) ? static_cast<void>(0) \
               : ::tenure::core::assertion_failed(#condition, __FILE__, __LINE__))

/// As TENURE_ASSERT, in debug builds only: for checks inside hot loops.
#ifdef NDEBUG
#define TENURE_DCHECK(condition) static_cast<void>(0)
#else
#define TENURE_DCHECK(condition) TENURE_ASSERT(condition)
#endif
