#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "data/text_rule.h"
#include "serving/batch_scorer.h"

namespace tenure::serving {

/// What tells one content of a file from another without reading it.
struct FileStamp {
  explicit FileStamp(const std::filesystem::path& path);
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
  std::array<std::int64_t, 4> parts{};
};

/// How the input is read. Ids may repeat here and may be anything, so the id is a text column like
/// others and the rows are numbered.
data::DataSpec spec_of(const BatchRequest& request);

/// The cleaned rows, to be read a range at a time.
struct BatchRows {
  std::string query;  ///< columns data::kRowNumber, from 0, and those of the spec
  std::int64_t count = 0;
  bool is_direct = false;  ///< straight from the input: what is wrong in it shows when it is read
  std::map<std::string, data::TextRule> written;  ///< columns whose texts are yet to be cleaned
};

/// The rows of the input: straight from it where that can be, else as clean_rows().
core::Result<BatchRows> open_rows(data::Engine& engine, const data::DataSpec& spec,
                                  const BatchRequest& request);

/// Writes the input as a cleaned Parquet file in `folder` first, unless one is there. Errors: as
/// data::load_dataset, which tells the value that is wrong, and where.
core::Result<BatchRows> clean_rows(data::Engine& engine, const data::DataSpec& spec,
                                   const std::filesystem::path& folder);

}  // namespace tenure::serving
