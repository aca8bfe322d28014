#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace tenure::pipelines {

/// A file a step read or wrote; a step is up to date when all of them still have the digests
/// recorded with its result.
struct FileRecord {
  std::string path;  ///< relative to the project's folder
  std::string sha256;
  std::uint64_t size = 0;
};

/// What a step is given.
struct StepContext {
  std::string run_id;  ///< of the pipeline run
  std::string step;
  int attempt = 1;
  std::map<std::string, std::string> with;
  std::filesystem::path directory;            ///< .tenure/runs/<run id>/: the run's own files
  std::map<std::string, core::Json> outputs;  ///< of the steps before, by step name
  std::function<void(std::uint64_t done, std::uint64_t total, std::string_view note)> progress;
  const std::atomic<bool>* is_cancelled = nullptr;  ///< look at it between pieces of work
};

/// What a step answers: small facts for later steps and the summary, and the files it touched.
struct StepResult {
  core::JsonObject output;
  std::vector<FileRecord> inputs;
  std::vector<FileRecord> outputs;
  std::string summary;  ///< one line for people: "7,043 rows, 26.5 % positive"
};

using Step = std::function<core::Result<StepResult>(const StepContext&)>;

/// The steps that exist, by name. Filled by app/, so pipelines knows none of them. Steps must be
/// idempotent: a run that was killed starts the step again.
class StepRegistry {
 public:
  void add(std::string name, std::string description, Step step);
  const Step* find(std::string_view name) const;
  struct Entry {
    std::string name, description;
    Step step;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

/// SHA-256 and size of a file, with its path relative to `base`.
core::Result<FileRecord> record_file(const std::filesystem::path& file,
                                     const std::filesystem::path& base);

}  // namespace tenure::pipelines
