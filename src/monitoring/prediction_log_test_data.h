#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/id.h"
#include "core/metric.h"
#include "monitoring/prediction_log.h"

// What the tests of the prediction log share.

namespace tenure::monitoring::testing {

/// A folder that goes when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("tenure-" + core::random_hex_id())) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Owns what an event points to.
struct OwnedEvent {
  std::string id = "0190163d-8694-739b-aea5-966c26f8ad91";
  std::string entity = "C-1";
  std::string model = "churn";
  std::vector<std::string_view> names{"tenure", "contract"};
  std::vector<data::Cell> cells{data::Cell::of(12.0), data::Cell::of("Month-to-month")};
  std::int64_t version = 3;

  serving::PredictionEvent view() const {
    serving::PredictionEvent event;
    event.prediction_id = id;
    event.time = 1'700'000'000'000'000;
    event.entity_id = entity;
    event.model = model;
    event.version = version;
    event.feature_names = names;
    event.features = cells;
    event.features_time = 1'600'000'000'000'000;
    event.margin = -0.25F;
    event.probability = 0.4378F;
    event.is_positive = true;
    event.latency_us = 17;
    return event;
  }
};

/// An event whose place in a sequence can be read back from its id.
inline OwnedEvent numbered_event(std::uint64_t number) {
  OwnedEvent event;
  event.id = "n" + std::to_string(number);
  return event;
}

inline std::vector<LoggedPrediction> read_all(const std::filesystem::path& folder,
                                              core::Error* error = nullptr) {
  std::vector<LoggedPrediction> all;
  const auto read = read_prediction_log(folder, [&](const LoggedPrediction& prediction) {
    all.push_back(prediction);
    return true;
  });
  if (error != nullptr && !read) *error = read.error();
  return all;
}

inline std::vector<std::filesystem::path> segment_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".log") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace tenure::monitoring::testing
