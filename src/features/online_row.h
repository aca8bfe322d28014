#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "data/cell.h"
#include "data/table.h"
#include "features/definition.h"

namespace tenure::features {

/// One view's values for one entity as they lie in the online store: see
/// docs/formats/online-store.md.
struct OnlineRowHeader {
  static constexpr core::Micros kNoTime = std::numeric_limits<core::Micros>::min();

  std::uint32_t schema = 0;  ///< schema_fingerprint of the view that wrote the row
  core::Micros event_time = 0;
  core::Micros created_time = kNoTime;
};

/// A number that differs when anything differs that decides what a view's values are: the source
/// (by name, not by place or content), its time columns, and of each feature, in order, name,
/// column and type. A row written under another definition has no meaning under this one.
std::uint32_t schema_fingerprint(const FeatureView& view);

/// Builds a row, value by value in the order of the view's features.
class OnlineRowWriter {
 public:
  /// `full_key` is empty unless the store key holds only its digest.
  OnlineRowWriter(const OnlineRowHeader& header, std::size_t feature_count,
                  std::string_view full_key);
  void add_null();
  void add_boolean(bool value);
  void add_integer(std::int64_t value);
  void add_number(double value);  ///< NaN is stored as null
  void add_text(std::string_view value);
  void add_timestamp(core::Micros value);
  std::string finish() &&;  ///< TENURE_ASSERTs that all features were added

 private:
  std::string bytes_;
  std::size_t left_;
};

/// A row read back; borrows the bytes.
class OnlineRow {
 public:
  /// Errors: kCorruption when the bytes are no row.
  static core::Result<OnlineRow> parse(std::string_view bytes);

  const OnlineRowHeader& header() const { return header_; }
  std::size_t feature_count() const { return feature_count_; }
  std::string_view full_key() const { return full_key_; }

  /// Fills cells[i] with value i; texts point into the row's bytes. Allocates nothing unless it
  /// fails. Errors: kCorruption when values are cut off, of unknown type, or followed by more
  /// bytes; `cells` has feature_count() elements.
  core::Result<> decode(std::span<data::Cell> cells) const;

 private:
  OnlineRowHeader header_;
  std::size_t feature_count_ = 0;
  std::string_view full_key_;
  std::string_view values_;
};

}  // namespace tenure::features
