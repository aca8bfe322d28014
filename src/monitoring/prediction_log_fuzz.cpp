// libFuzzer target: any bytes as a segment give predictions or damage, and any bytes as a payload
// give a record or an error. Seeds: corpus/prediction_log.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "monitoring/prediction_record.h"
#include "monitoring/segment_scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::monitoring;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  LoggedPrediction prediction;
  SegmentScanner scanner(bytes_source(bytes));
  RecordDecoder decoder;
  while (true) {
    const auto payload = scanner.next();
    if (!payload || !payload->has_value()) break;
    static_cast<void>(decoder.decode(**payload, prediction).has_value());
  }
  static_cast<void>(scanner.look_beyond().has_value());

  // Without frames, since the fuzzer cannot guess checksums: payloads led by a byte of length.
  RecordDecoder unframed;
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::size_t length = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    static_cast<void>(unframed.decode(rest.substr(0, length), prediction).has_value());
    rest = rest.substr(rest.size() < length ? rest.size() : length);
  }
  return 0;
}
