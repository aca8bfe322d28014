#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

// Pages of runs as they are listed: a thousand runs have tens of thousands of params, tags and
// metrics, which are only written out. They lie in a few large blocks instead of maps.
namespace tenure::tracking {

struct ListedPair {
  std::string_view key;
  std::string_view value;
};

struct ListedMetric {
  std::string_view key;
  double value = 0;
  std::int64_t timestamp_ms = 0;
  std::int64_t step = 0;
};

/// A run whose own maps are empty.
struct ListedRun {
  Run run;
  std::span<const ListedPair> params = {};  ///< by key, as all three
  std::span<const ListedPair> tags = {};
  std::span<const ListedMetric> metrics = {};  ///< latest of each key
};

/// Texts that stay where they are until all of them go.
class TextPool {
 public:
  std::string_view keep(std::string_view text);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

/// Runs, and what their spans and texts lie in. Moved, not copied.
struct RunListing {
  std::vector<ListedRun> runs;
  std::string next_page_token = {};  ///< of a search
  TextPool texts = {};
  std::vector<ListedPair> params = {}, tags = {};
  std::vector<ListedMetric> metrics = {};
};

/// As read_runs (run_rows.h).
core::Result<RunListing> read_run_listing(storage::SqlExecutor& sql,
                                          std::span<const std::string> ids);

}  // namespace tenure::tracking
