// libFuzzer target: any bytes as the headers of a request give a secret or none, and any address a
// client. Seeds: corpus/credentials.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auth/credentials.h"
#include "auth/rate_limit.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::auth;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = bytes.find('\n');
  const PresentedSecret secret(
      {.authorization = bytes.substr(0, line),
       .api_key = line == std::string_view::npos ? std::string_view() : bytes.substr(line),
       .remote = ""});
  if (secret.text().size() > size) __builtin_trap();
  if (client_of(bytes).size() > size) __builtin_trap();
  return 0;
}
