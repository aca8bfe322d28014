#pragma once

#include <string_view>

#include "core/result.h"
#include "learn/model_document.h"

namespace tenure::learn {

/// Reads UBJSON as XGBoost writes it (big-endian; src/common/json.cc of dmlc/xgboost): objects
/// `{` (key value)* `}`, arrays plain, counted (`[#`) or typed (`[$d#`), scalars i U I l L d D C T
/// F Z, texts S. Counts are checked against the bytes left before anything is allocated. float64
/// values are rounded to float32. Errors: kCorruption with the byte offset.
core::Result<DocumentValue> read_ubjson_document(std::string_view bytes);

}  // namespace tenure::learn
