#include "serving/model_watcher.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "core/log.h"

namespace tenure::serving {
namespace {

/// A version that does not load is tried again after so many polls: storage may have been away.
constexpr int kRetryPolls = 20;

}  // namespace

ModelWatcher::ModelWatcher(Options options, tracking::Registry& registry, Predictor& predictor,
                           Loader loader)
    : options_(std::move(options)),
      registry_(&registry),
      predictor_(&predictor),
      loader_(std::move(loader)) {}

ModelWatcher::~ModelWatcher() {
  stop();
}

ModelWatcher::Status ModelWatcher::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

core::Result<bool> ModelWatcher::check_now() {
  auto wanted = registry_->find_by_alias(options_.model, options_.alias);
  if (!wanted) return std::move(wanted).error().within("model registry");
  if (!*wanted) return predictor_->snapshot() != nullptr;
  const tracking::ModelVersion& version = **wanted;
  {
    const std::lock_guard lock(mutex_);
    const bool is_live = status_.live_version == version.version;
    // The alias may have been moved to the same version again after its package was mended.
    const bool is_same_failure = status_.wanted_version == version.version &&
                                 !status_.last_error.empty() && polls_until_retry_ > 0;
    status_.wanted_version = version.version;
    if (is_live) {
      status_.last_error.clear();
      return true;
    }
    if (is_same_failure) {
      --polls_until_retry_;
      return predictor_->snapshot() != nullptr;
    }
  }
  auto snapshot = loader_(version);
  const std::lock_guard lock(mutex_);
  if (!snapshot) {
    if (status_.last_error != snapshot.error().message) {
      core::log_error("serving", "a promoted model does not load; the one before stays live",
                      {{"model", std::string_view(version.name)},
                       {"version", version.version},
                       {"error.message", std::string_view(snapshot.error().message)}});
    }
    status_.last_error = snapshot.error().message;
    polls_until_retry_ = kRetryPolls;
    predictor_->count_load_failure();
    return std::move(snapshot).error();
  }
  predictor_->swap(*std::move(snapshot));
  status_.live_version = version.version;
  status_.last_error.clear();
  core::log_info("serving", "model is live",
                 {{"model", std::string_view(version.name)}, {"version", version.version}});
  return true;
}

void ModelWatcher::start() {
  thread_ = std::thread([this] { run(); });
}

void ModelWatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ModelWatcher::run() {
  std::unique_lock lock(mutex_);
  const auto interval = std::chrono::microseconds(options_.poll_interval);
  while (!wake_.wait_for(lock, interval, [this] { return is_stopping_; })) {
    lock.unlock();
    core::Result<bool> looked;
    try {
      looked = check_now();
    } catch (const std::exception& error) {  // a loader that throws must not end the server
      looked = core::Error{core::ErrorCode::kInternal, error.what()};
    }
    lock.lock();
    if (!looked) status_.last_error = looked.error().message;
  }
}

}  // namespace tenure::serving
