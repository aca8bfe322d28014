#include "monitoring/segment_reader.h"

#include <string>

#include <fmt/format.h>

#include "monitoring/prediction_record.h"
#include "monitoring/segment_scanner.h"

namespace tenure::monitoring {
namespace {

core::Error damaged(const SegmentName& segment, std::uint64_t offset, std::string_view what) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format("{}, byte {}: {}", segment.path.string(), offset, what)};
}

}  // namespace

core::Result<SegmentRead> read_segment(const SegmentName& segment, SegmentEnd end,
                                       const std::function<bool(const LoggedPrediction&)>& visit) {
  auto source = file_source(segment.path);
  if (!source) return std::move(source).error();
  SegmentScanner scanner(*std::move(source));
  RecordDecoder decoder;
  LoggedPrediction prediction;
  SegmentRead read;
  while (true) {
    const std::uint64_t offset = scanner.end();
    const auto payload = scanner.next();
    if (!payload) return core::Error(payload.error()).within(segment.path.string());
    if (!payload->has_value()) {
      if (scanner.damage().empty()) return read;
      const std::string what(scanner.damage());
      if (end == SegmentEnd::kClosed) return damaged(segment, scanner.end(), what);
      const auto beyond = scanner.look_beyond();
      if (!beyond) return beyond.error();
      if (*beyond == SegmentScanner::Beyond::kNothing) return read;
      if (*beyond == SegmentScanner::Beyond::kFrames) return damaged(segment, scanner.end(), what);
      continue;
    }
    const auto decoded = decoder.decode(**payload, prediction);
    if (!decoded) return damaged(segment, offset, decoded.error().message);
    if (!*decoded) continue;
    ++read.records;
    if (!visit(prediction)) {
      read.is_stopped = true;
      return read;
    }
  }
}

}  // namespace tenure::monitoring
