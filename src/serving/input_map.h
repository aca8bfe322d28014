#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/cell.h"
#include "serving/predictor.h"

namespace tenure::serving {

/// How a row that was read for one version of a model is given to another whose inputs are others:
/// inputs of the same name are the same; further ones are left to the online store. Reused: it is
/// made anew only when the inputs of either version have changed. Not thread-safe.
class InputMap {
 public:
  /// Call before the functions below.
  void update(const ModelSnapshot& from, const ModelSnapshot& to);

  /// Why no row of `from` can be given to `to`; "" if it can.
  const std::string& refusal() const { return refusal_; }

  bool is_identity() const { return is_identity_; }

  /// Whether `to` has no input beside those of `from`: rows then need no look-up.
  bool is_complete() const { return is_complete_; }

  std::size_t size() const { return from_place_.size(); }  ///< inputs of `to`

  /// Fills `to`, of size(), with the cells of `from`; kAbsent where there is none.
  void apply(std::span<const data::Cell> from, std::span<data::Cell> to) const;

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  bool is_known_ = false;
  std::uint64_t from_digest_ = 0, to_digest_ = 0;
  bool has_reader_ = false;
  bool is_identity_ = false;
  bool is_complete_ = false;
  std::string refusal_;
  std::vector<std::uint32_t> from_place_;
};

}  // namespace tenure::serving
