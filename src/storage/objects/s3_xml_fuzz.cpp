// libFuzzer target: any bytes as an answer of S3 are refused or read, and a text that was read
// comes back when it is written again. Seeds: corpus/s3_xml.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/objects/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::storage;
  const auto root = parse_xml(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!root) return 0;
  const auto again = parse_xml("<a>" + escape_xml(root->text) + "</a>");
  if (!again || again->text != root->text) __builtin_trap();
  return 0;
}
