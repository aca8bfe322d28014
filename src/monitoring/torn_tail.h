#pragma once

#include "core/result.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {

/// Cuts off what a crash left half-written at the end of the newest segment. Damage with good
/// records behind it is reported in the log and left for readers to report.
core::Result<> cut_torn_tail(const SegmentName& segment);

}  // namespace tenure::monitoring
