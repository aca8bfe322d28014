#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "learn/model.h"

namespace tenure::serving {

struct BatchRequest {
  std::filesystem::path input;    ///< CSV or Parquet
  std::filesystem::path output;   ///< CSV by its name's end .csv, else Parquet; replaced whole
  std::filesystem::path scratch;  ///< folder for intermediate files; made, and removed at the end
  std::string id_column;          ///< copied to the output; "" = rows are numbered into row_id
  std::int64_t model_version = 0;
  std::vector<std::string> null_markers;
  std::string bad_values = "error";  ///< error, null: as in section data
  std::vector<data::ColumnRule>
      columns;  ///< one per model input, in its order; named as in the input file
  std::function<bool(std::int64_t done, std::int64_t total)>
      progress;  ///< false cancels; may be empty
};

struct BatchReport {
  std::int64_t rows = 0;
  std::int64_t positives = 0;  ///< rows decided positive
};

/// Scores a table of any size: cleans it by the same rules as training (as SQL, out of core), then
/// scores it a chunk after another; memory is bounded by the chunk. The output has the id,
/// `probability`, `decision` and `model_version`, in the order of the input; probabilities equal
/// those of the online path to the bit. Errors: those of data::load_dataset (a column gone, a bad
/// value with its line, …); kCancelled; kResourceExhausted.
core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request);

}  // namespace tenure::serving
