#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_reader.h"
#include "api/validation_errors.h"
#include "data/cell.h"
#include "serving/predictor.h"

namespace tenure::api {

/// Rows of feature values, read from JSON against the inputs of one model: what all protocols share
/// that carry features. A row is an object by name, or a list in the order of set_columns().
/// Numbers may come as texts ("50.5"), times as ISO 8601, booleans as 0/1; null is missing.
/// Mistakes go to the ValidationErrors, each with its place. Reused from request to request, so
/// that a warm reading allocates nothing. One per thread.
class FeatureRows {
 public:
  /// What becomes of a name that is no input of the model.
  enum class UnknownNames : std::uint8_t { kRefused, kIgnored };

  /// Where rows stand in the body, for error locations: `member`, or one item of that list.
  struct Place {
    std::string_view member;
    bool is_in_list = false;
    std::size_t index = 0;
  };

  /// Forgets what was read. Everything is borrowed until the next begin().
  void begin(const serving::ModelSnapshot& snapshot, std::size_t rows_max,
             UnknownNames unknown_names, ValidationErrors& errors);

  /// What the positions of a row in a list mean, from now on; without this the model's inputs in
  /// their order. Names that are no inputs are skipped or refused as begin() said.
  void set_columns(std::span<const std::string_view> names, std::string_view member);

  /// Reads one row. Call with the reader at an object, or at an array.
  void read_named_row(JsonReader& reader, Place place);
  void read_ordered_row(JsonReader& reader, Place place);

  /// Adds a row of texts in the order of set_columns().
  void add_text_row(std::span<const std::string_view> texts, bool (*is_missing)(std::string_view),
                    Place place);

  /// Reads a list of rows of either form; empty lists are a mistake. Stops at rows_max.
  void read_rows(JsonReader& reader, std::string_view member);

  /// Reads {"name": [value of each row], …}, columns of equal length.
  void read_columns(JsonReader& reader, std::string_view member);

  /// Every input of every row must have been given, if only as null.
  void require_all(std::string_view member, bool is_list);

  std::size_t size() const { return texts_.size(); }
  bool is_too_many() const { return is_too_many_; }  ///< more rows than rows_max were found
  std::span<const data::Cell> row(std::size_t at) const {
    return std::span(cells_).subspan(at * width_, width_);
  }
  std::string_view text(std::size_t at) const { return texts_[at]; }  ///< the row as written

 private:
  static constexpr std::uint32_t kNoInput = 0xFFFFFFFF;

  std::span<data::Cell> add_row();
  std::uint32_t find_input(std::string_view name, std::size_t expected);
  data::Cell read_cell(JsonReader& reader, std::size_t input, Place place);
  data::Cell parse_text(std::string_view text, std::string_view raw, std::size_t input,
                        Place place);
  void add_cell_error(std::string_view type, Place place, std::string_view name,
                      std::string_view message, std::string_view raw);
  void add_unknown_name(std::string_view name, Place place, std::string_view raw);
  void read_column(JsonReader& reader, std::uint32_t input, std::string_view name, bool is_first,
                   std::string_view member);

  const serving::ModelSnapshot* snapshot_ = nullptr;
  ValidationErrors* errors_ = nullptr;
  std::size_t rows_max_ = 0;
  std::size_t width_ = 0;
  UnknownNames unknown_names_ = UnknownNames::kRefused;
  bool is_too_many_ = false;
  std::vector<std::uint32_t> order_;  ///< input at each position of a row in a list
  std::vector<data::Cell> cells_;     ///< rows × width_
  std::vector<std::string_view> texts_;
  std::string name_;  ///< key buffer for the index of input names
};

}  // namespace tenure::api
