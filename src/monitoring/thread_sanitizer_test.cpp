// An option of the thread sanitizer for this program alone; TSAN_OPTIONS is laid over it.

#if defined(__SANITIZE_THREAD__)

// Tests of this program fork, and at a fork DuckDB's allocator takes each of its locks, which are
// more than the 64 at a time that the sanitizer's search for deadlocks has room for: it ends the
// process.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "detect_deadlocks=0";
}

#endif
