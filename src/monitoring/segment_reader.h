#pragma once

#include <cstdint>
#include <functional>

#include "core/result.h"
#include "monitoring/prediction_log.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {

/// Whether a segment may still grow: only then may it end in a torn record.
enum class SegmentEnd : std::uint8_t { kMayGrow, kClosed };

struct SegmentRead {
  std::int64_t records = 0;
  bool is_stopped = false;  ///< by the visitor
};

/// Reads the events of one segment, in order, until `visit` returns false. Errors: kNotFound when
/// it is gone, before the first visit; kCorruption naming file and offset.
core::Result<SegmentRead> read_segment(const SegmentName& segment, SegmentEnd end,
                                       const std::function<bool(const LoggedPrediction&)>& visit);

}  // namespace tenure::monitoring
