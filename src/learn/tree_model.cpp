#include "learn/tree_model.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/assert.h"
#include "learn/fast_evaluator.h"
#include "learn/model_document.h"
#include "learn/xgboost_model_loader.h"

namespace tenure::learn {
namespace {

/// Rows evaluated at once where their sums are kept in between.
constexpr std::size_t kRowsAtOnce = 64;

}  // namespace

core::Result<TreeModel> TreeModel::load(std::string_view bytes) {
  const auto document = read_model_document(bytes);
  if (!document) return document.error();
  auto model = load_xgboost_model(*document);
  if (model) model->choose_evaluator();
  return model;
}

/// The fastest form that this machine can run and that gives the right bits.
void TreeModel::choose_evaluator() {
  if (roots_.empty()) {
    evaluator_note_ = "the model has no trees";
    return;
  }
  auto fast = FastEvaluator::make(*this, cpu_levels().back());
  if (fast) {
    fast_ = std::make_shared<const FastEvaluator>(*std::move(fast));
  } else {
    evaluator_note_ = fast.error().message;
  }
}

std::string_view TreeModel::evaluator_name() const noexcept {
  if (is_linear()) return "linear";
  return fast_ == nullptr ? "walk over nodes" : fast_->name();
}

TreeModel TreeModel::walking() const {
  TreeModel copy = *this;
  copy.fast_.reset();
  copy.evaluator_note_ = "as asked";
  return copy;
}

core::Result<TreeModel> TreeModel::at_level(CpuLevel level) const {
  TreeModel copy = walking();
  auto fast = FastEvaluator::make(copy, level);
  if (!fast) return std::move(fast).error();
  copy.fast_ = std::make_shared<const FastEvaluator>(*std::move(fast));
  copy.evaluator_note_.clear();
  return copy;
}

/// The margins before the first tree.
template <typename Sum>
void TreeModel::start(const float* row, Sum* out) const noexcept {
  std::copy(base_margin_.begin(), base_margin_.end(), out);
  if (linear_.empty()) return;
  // dmlc/xgboost src/gbm/gblinear.cc: bias first, then the features that are there, in order.
  for (std::size_t group = 0; group < group_count_; ++group) {
    float sum = linear_[feature_count_ * group_count_ + group] + base_margin_[group];
    for (std::size_t feature = 0; feature < feature_count_; ++feature) {
      const float x = row[feature];
      if (!std::isnan(x)) sum += x * linear_[feature * group_count_ + group];
    }
    out[group] = static_cast<Sum>(sum);
  }
}

/// `Sum` is the type the model adds in: see is_float64().
template <typename Sum>
void TreeModel::sum_row(const float* row, Sum* out) const noexcept {
  start(row, out);
  if (fast_ != nullptr) {
    fast_->add(row, out);
  } else if (is_plain_) {
    add_trees<true>(row, out);
  } else {
    add_trees<false>(row, out);
  }
  if constexpr (std::is_same_v<Sum, double>) {
    for (std::size_t group = 0; group < group_count_; ++group) out[group] /= divisor_;
  }
}

template <typename Sum>
void TreeModel::sum_rows(const float* values, std::size_t rows, Sum* out) const noexcept {
  for (std::size_t row = 0; row < rows; ++row) {
    start(values + row * feature_count_, out + row * group_count_);
  }
  if (fast_ != nullptr) {
    fast_->add_rows(values, feature_count_, rows, out);
  } else if (is_plain_) {
    add_trees_to_rows<true>(values, rows, out);
  } else {
    add_trees_to_rows<false>(values, rows, out);
  }
  if constexpr (std::is_same_v<Sum, double>) {
    for (std::size_t i = 0; i < rows * group_count_; ++i) out[i] /= divisor_;
  }
}

void TreeModel::margins(std::span<const float> row, std::span<float> out) const noexcept {
  TENURE_DCHECK(row.size() >= feature_count_ && out.size() >= group_count_);
  if (!is_float64_) return sum_row(row.data(), out.data());
  double sums[kGroupsMax64];
  sum_row(row.data(), sums);
  for (std::size_t i = 0; i < group_count_; ++i) out[i] = static_cast<float>(sums[i]);
}

void TreeModel::margins(std::span<const float> row, std::span<double> out) const noexcept {
  TENURE_DCHECK(row.size() >= feature_count_ && out.size() >= group_count_);
  TENURE_DCHECK(is_float64_);
  sum_row(row.data(), out.data());
}

float TreeModel::margin(std::span<const float> row) const noexcept {
  TENURE_DCHECK(group_count_ == 1);
  float sum = 0;
  margins(row, std::span(&sum, 1));
  return sum;
}

void TreeModel::margins_of_rows(std::span<const float> values,
                                std::span<float> out) const noexcept {
  const std::size_t rows = out.size() / group_count_;
  TENURE_DCHECK(values.size() >= rows * feature_count_);
  if (!is_float64_) return sum_rows(values.data(), rows, out.data());
  for (std::size_t row = 0; row < rows; ++row) {
    margins(values.subspan(row * feature_count_, feature_count_),
            out.subspan(row * group_count_, group_count_));
  }
}

void TreeModel::margins_of_rows(std::span<const float> values,
                                std::span<double> out) const noexcept {
  const std::size_t rows = out.size() / group_count_;
  TENURE_DCHECK(values.size() >= rows * feature_count_);
  TENURE_DCHECK(is_float64_);
  sum_rows(values.data(), rows, out.data());
}

TreeModel::Score TreeModel::score(std::span<const float> row) const noexcept {
  Score one;
  scores_of_rows(row, std::span(&one, 1));
  return one;
}

void TreeModel::scores_of_rows(std::span<const float> values, std::span<Score> out) const noexcept {
  TENURE_DCHECK(group_count_ == 1 && values.size() >= out.size() * feature_count_);
  const auto fill = [&](auto sum_type) {
    using Sum = decltype(sum_type);
    Sum sums[kRowsAtOnce];
    for (std::size_t row = 0; row < out.size(); row += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, out.size() - row);
      const float* const first = values.data() + row * feature_count_;
      if (count == 1) {
        sum_row(first, sums);
      } else {
        sum_rows(first, count, sums);
      }
      for (std::size_t i = 0; i < count; ++i) {
        Sum answer;
        outputs(std::span<const Sum>(sums + i, 1), std::span<Sum>(&answer, 1));
        out[row + i] = {static_cast<float>(sums[i]), static_cast<float>(answer)};
      }
    }
  };
  if (is_float64_) {
    fill(double{});
  } else {
    fill(float{});
  }
}

void TreeModel::outputs(std::span<const float> margins, std::span<float> out) const noexcept {
  TENURE_DCHECK(margins.size() == group_count_ && out.size() >= group_count_);
  if (!is_float64_) return outputs_of(objective_, margins, out);
  double wide[kGroupsMax64];
  double answers[kGroupsMax64];
  std::copy(margins.begin(), margins.end(), wide);
  outputs_of(objective_, std::span<const double>(wide, group_count_), sigmoid_, answers);
  for (std::size_t i = 0; i < group_count_; ++i) out[i] = static_cast<float>(answers[i]);
}

void TreeModel::outputs(std::span<const double> margins, std::span<double> out) const noexcept {
  TENURE_DCHECK(is_float64_ && margins.size() == group_count_ && out.size() >= group_count_);
  outputs_of(objective_, margins, sigmoid_, out);
}

std::vector<double> TreeModel::gain_importance() const {
  std::vector<double> total(feature_count_, 0.0);
  for (std::size_t i = 0; i < gains_.size(); ++i) {
    if ((nodes_[i].flags & kLeaf) == 0) total[nodes_[i].feature] += static_cast<double>(gains_[i]);
  }
  return total;
}

}  // namespace tenure::learn
