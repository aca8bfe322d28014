#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace tenure::learn {

/// Rows as XGBoost holds them (a copy). Movable; read-only use from several threads is safe.
class XgboostMatrix {
 public:
  /// `labels` may be empty for rows that are only predicted. Errors: kInvalidArgument when lengths
  /// disagree; kInternal with XGBoost's own text.
  static core::Result<XgboostMatrix> make(const Matrix& matrix,
                                          std::span<const std::uint8_t> labels, int threads);

 private:
  friend class XgboostBooster;
  using Handle = std::unique_ptr<void, void (*)(void*)>;
  explicit XgboostMatrix(Handle handle, std::size_t rows)
      : handle_(std::move(handle)), rows_(rows) {}
  Handle handle_;
  std::size_t rows_ = 0;
};

/// What one fit should do. `params` come from checked_xgboost_params and presets; objective, seed,
/// threads and log loss are set by the trainer.
struct BoostingPlan {
  std::map<std::string, std::string> params;
  int rounds = 100;               ///< at most
  int early_stopping_rounds = 0;  ///< 0 = never; otherwise a validation matrix is needed
  int evaluation_interval = 1;    ///< the validation matrix is judged after each so many rounds
  std::uint64_t seed = 42;
  int threads = 1;
};

/// Told after each round how many are done and the latest validation log loss (NaN before there is
/// any); returning false cancels.
using RoundObserver = std::function<bool(int done, double log_loss)>;

/// A booster of libxgboost (1.7, 2.x, 3.x), only as far as training needs one: serving evaluates
/// with TreeModel. Not thread-safe; different boosters in different threads are.
class XgboostBooster {
 public:
  /// Boosts up to plan.rounds; with early stopping the booster counts as what it was in its best
  /// round. XGBoost's log lines go to core/log.h. Errors: kInvalidArgument for parameters XGBoost
  /// rejects or does not use, with its own text; kCancelled.
  static core::Result<XgboostBooster> train(const BoostingPlan& plan, const XgboostMatrix& training,
                                            const XgboostMatrix* validation,
                                            const RoundObserver& observer = {});

  /// Probability of each row.
  core::Result<std::vector<float>> predict(const XgboostMatrix& matrix) const;

  /// The model as UBJSON, cut after the best round, with the names of its features.
  core::Result<std::string> to_ubj(std::span<const std::string> feature_names) const;

  int rounds() const { return rounds_; }
  /// Validation log loss of rounds(); NaN without validation.
  double log_loss() const { return log_loss_; }

 private:
  using Handle = XgboostMatrix::Handle;
  XgboostBooster(Handle handle, int trained) : handle_(std::move(handle)), trained_(trained) {}
  Handle handle_;
  int trained_ = 0;
  int rounds_ = 0;
  double log_loss_ = 0;
};

/// "1.7.4"
std::string xgboost_version();

}  // namespace tenure::learn
