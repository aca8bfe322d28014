#include "serving/model_watcher.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "core/log.h"

namespace tenure::serving {
namespace {

/// A version that does not load is tried again after so many polls: storage may have been away.
constexpr int kRetryPolls = 4;

}  // namespace

ModelWatcher::ModelWatcher(Options options, tracking::Registry& registry, Predictor& predictor,
                           Loader loader)
    : options_(std::move(options)),
      registry_(&registry),
      predictor_(&predictor),
      compared_(&predictor),
      loader_(std::move(loader)) {}

ModelWatcher::~ModelWatcher() {
  stop();
}

ModelWatcher::Status ModelWatcher::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

core::Result<bool> ModelWatcher::check_now() {
  auto wanted = find_wanted();
  if (!wanted) return std::move(wanted).error().within("model registry");
  if (!*wanted) {
    if (!options_.ends_with_alias) return predictor_->snapshot() != nullptr;
    retire();
    return false;
  }
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
  auto snapshot = load(version);
  core::Result<WarmUp> tried =
      snapshot ? try_out(**snapshot) : core::Result<WarmUp>(snapshot.error());
  const std::lock_guard lock(mutex_);
  if (!tried) snapshot = std::move(tried).error();
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
  status_.warm_up = *tried;
  core::log_info("serving", "model is live",
                 {{"model", std::string_view(version.name)},
                  {"version", version.version},
                  {"warm_up_rows", static_cast<std::int64_t>(tried->rows)},
                  {"version_before", tried->against},
                  {"score_shift_mean", tried->shift_mean},
                  {"score_shift_max", tried->shift_max}});
  return true;
}

core::Result<std::shared_ptr<const ModelSnapshot>> ModelWatcher::load(
    const tracking::ModelVersion& version) const {
  try {
    return loader_(version);
  } catch (const std::exception& error) {  // a loader that throws must not end the server
    return core::Error{core::ErrorCode::kInternal, error.what()};
  }
}

void ModelWatcher::retire() {
  const std::lock_guard lock(mutex_);
  if (status_.live_version == 0) return;
  core::log_info("serving", "an alias is gone, and with it what it had live",
                 {{"model", std::string_view(options_.model)},
                  {"alias", std::string_view(options_.alias)},
                  {"version", status_.live_version}});
  predictor_->retire();
  status_ = {};
}

core::Result<std::optional<tracking::ModelVersion>> ModelWatcher::find_wanted() {
  if (options_.version == 0) return registry_->find_by_alias(options_.model, options_.alias);
  auto version = registry_->get_version(options_.model, options_.version);
  if (!version) return std::move(version).error();
  return std::optional(*std::move(version));
}

core::Result<WarmUp> ModelWatcher::try_out(const ModelSnapshot& next) const {
  const auto live = compared_->snapshot();
  return warm_up(predictor_->clock(), next, live.get(), options_.warm_up_rows);
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
    } catch (const std::exception& error) {
      looked = core::Error{core::ErrorCode::kInternal, error.what()};
    }
    lock.lock();
    if (!looked) status_.last_error = looked.error().message;
  }
}

}  // namespace tenure::serving
