#pragma once

namespace tenure::app {

/// Version of the program, as in CMakeLists.txt (checked by tests/architecture).
inline constexpr const char* kVersion = "0.1.0";

}  // namespace tenure::app
