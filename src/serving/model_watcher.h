#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/result.h"
#include "serving/predictor.h"
#include "serving/warm_up.h"
#include "tracking/registry.h"

namespace tenure::serving {

/// Keeps a Predictor on the version an alias points to: looks at the registry every
/// `poll_interval`, loads a moved version beside the live one, tries it with made-up rows
/// (warm_up.h), then swaps. A version
/// that does not load leaves the old one live, is logged once, counted, and tried again when the
/// alias moves or after a back-off.
class ModelWatcher {
 public:
  struct Options {
    std::string model;
    std::string alias = "champion";
    core::Micros poll_interval = 500'000;
    std::int64_t version = 0;  ///< stays on this one and follows no alias; 0 = the alias's
    /// Nothing is live when the alias is gone; else the last version stays.
    bool ends_with_alias = false;
    std::size_t warm_up_rows = 256;  ///< 0 = goes live untried
  };
  /// Turns a version into a snapshot: opens its package, its definitions, its online reader. Runs
  /// on the watcher's thread (and once on the caller's, in check_now).
  using Loader = std::function<core::Result<std::shared_ptr<const ModelSnapshot>>(
      const tracking::ModelVersion&)>;

  ModelWatcher(Options options, tracking::Registry& registry, Predictor& predictor, Loader loader);
  ~ModelWatcher();  ///< stops the thread

  /// Whose live version the warm-up compares with, instead of the predictor's own. Before start().
  void compare_with(const Predictor& other) { compared_ = &other; }

  /// Looks once, now. Returns true when a model is live afterwards. Errors: what stands in the way
  /// of the first model.
  core::Result<bool> check_now();
  void start();
  void stop();

  struct Status {
    std::string last_error;  ///< of the newest failed attempt; "" after a success
    std::int64_t wanted_version = 0;
    std::int64_t live_version = 0;
    WarmUp warm_up;  ///< of the version that is live
  };
  Status status() const;

 private:
  void run();
  core::Result<std::optional<tracking::ModelVersion>> find_wanted();
  core::Result<std::shared_ptr<const ModelSnapshot>> load(
      const tracking::ModelVersion& version) const;
  void retire();
  core::Result<WarmUp> try_out(const ModelSnapshot& next) const;
  Options options_;
  tracking::Registry* registry_;
  Predictor* predictor_;
  const Predictor* compared_;
  Loader loader_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  int polls_until_retry_ = 0;  ///< of a version that did not load
  Status status_;
  std::thread thread_;
};

}  // namespace tenure::serving
