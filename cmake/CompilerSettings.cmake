# Warnings, sanitizers, compiler cache and linker, for every target of the project.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 inside std::string (GCC bug 105651).
  add_compile_options(-Wno-restrict)
endif()
# A fused multiply-add would change the last bit of a margin or a transformed value; equality to the
# bit between training and serving, and with XGBoost, is a promise (docs/adr/0007).
add_compile_options(-ffp-contract=off)

if(TENURE_SANITIZE)
  add_compile_options(-fsanitize=${TENURE_SANITIZE} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${TENURE_SANITIZE})
  if(TENURE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost.Asio has fences, which the thread sanitizer does not model; its locks suffice here.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(TENURE_FUZZ)
  # Also what is fuzzed: without its counters libFuzzer does not see which inputs reach new code.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()
