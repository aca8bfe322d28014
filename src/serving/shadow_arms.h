#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "serving/shadow_tap.h"
#include "serving/traffic.h"

namespace tenure::serving {

/// Makes the champion's predictions again with other versions, after the answers have gone: both
/// scores are in the log under one prediction id, their differences in the metrics.
class ShadowArms {
 public:
  ShadowArms(const Traffic::Options& options, const Traffic::Collaborators& collaborators);
  ~ShadowArms();

  ShadowTap& tap() { return tap_; }
  void compare_with(const Predictor& champion);
  void check_arms();
  void start(const Predictor& champion);
  void stop();
  bool drain(const Predictor& champion);  ///< true when there may be more
  std::vector<Traffic::ArmStatus> status(const ModelSnapshot* champion) const;

 private:
  struct Shadow;
  void run(const Predictor& champion);
  void score(Shadow& shadow, const ShadowRow& row, const ModelSnapshot& champion);

  ShadowTap tap_;
  std::vector<std::unique_ptr<Shadow>> shadows_;
  core::Counter& dropped_;
  mutable std::mutex drain_mutex_;  ///< one at a time takes rows
  ShadowRow row_;
  std::uint64_t dropped_seen_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace tenure::serving
