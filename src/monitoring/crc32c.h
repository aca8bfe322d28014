#pragma once

#include <cstdint>
#include <string_view>

namespace tenure::monitoring {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4: "123456789" gives E3069283). `before` continues
/// a checksum over bytes that went before.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace tenure::monitoring
