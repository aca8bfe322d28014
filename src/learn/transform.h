#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "data/cell.h"
#include "data/table.h"
#include "learn/matrix.h"
#include "learn/target_means.h"

namespace tenure::learn {

/// What the user asks for: section model.transform. Unfitted.
struct TransformSpec {
  /// More categories than this and `target` gives the column a mean instead of one column each.
  static constexpr std::size_t kShortDictionary = 30;

  std::string impute = "none";    ///< none, median, mean, zero
  std::string encode = "onehot";  ///< onehot, target; auto is the trainer's to resolve
  std::uint32_t categories_max = 64;
  std::string scale = "none";  ///< none, standard
  std::vector<std::string> log;
  std::vector<std::string> crosses;  ///< "a * b"
  static core::Result<TransformSpec> from_config(const core::Config& config);
};

/// One input of a model, before encoding.
struct InputField {
  std::string name;
  data::ColumnType type = data::ColumnType::kNumber;  ///< kText = category, anything else = number
  bool is_category() const { return type == data::ColumnType::kText; }
};

/// A fitted transformation: data, not code (transform.json, docs/formats/transform.md). The same
/// program runs over columns in training and over one row in serving; both give the same float32
/// bits (transform_property_test.cpp). Arithmetic is double until the final rounding to float32.
/// Immutable; thread-safe.
class Transform {
 public:
  /// Learns dictionaries, medians, means and deviations from the given rows of the table, and only
  /// from them. `inputs` must be columns of the table. `labels`, one 0 or 1 for each row of the
  /// table, are wanted for `encode: target` alone. Errors: kInvalidArgument naming the column
  /// (unknown in log or crosses; log of a column with values <= -1 in the fitted rows; no rows; too
  /// few labels).
  static core::Result<Transform> fit(const TransformSpec& spec, std::span<const InputField> inputs,
                                     const data::Table& table, std::span<const std::uint32_t> rows,
                                     std::span<const std::uint8_t> labels = {});

  /// Hands numbers on as they are, for trees that were trained on columns of these names. Errors:
  /// kInvalidArgument for no name or one that is there twice.
  static core::Result<Transform> identity(std::span<const std::string> names);

  /// Reads transform.json. Errors: kCorruption naming the member; kUnimplemented for a newer format
  /// version.
  static core::Result<Transform> from_json(const core::Json& json);
  core::Json to_json() const;

  std::span<const InputField> inputs() const { return inputs_; }
  /// Names of the encoded columns: "tenure", "Contract=Two year", "Contract=Two year*tenure",
  /// "City (target mean)".
  std::span<const std::string> outputs() const { return outputs_; }
  /// Which input an encoded column came from (the first, for a cross): groups explanations by
  /// customer feature.
  std::span<const std::uint32_t> output_origins() const { return origins_; }

  /// Column path. `table` must have every input as a column of a compatible type (numbers for
  /// numbers, text for categories). Errors: kInvalidArgument naming the column.
  core::Result<Matrix> apply(const data::Table& table) const;

  /// The same for the rows that the transformation was fitted on, to train on: the target means of
  /// a row come from the other parts of a split by `seed`, so that no row is told its own label.
  /// All else as apply(). `labels`: one for each row. Errors: as apply(); kInvalidArgument for
  /// another number of labels.
  core::Result<Matrix> apply_out_of_fold(const data::Table& table,
                                         std::span<const std::uint8_t> labels,
                                         std::uint64_t seed) const;

  /// Row path: one cell per input in inputs() order, one float per output. kAbsent counts as
  /// missing; a number given for a category is matched by its text form, a text given for a number
  /// must have been parsed by the caller and counts as missing. So do NaN and the infinities, and
  /// values <= -1 where the logarithm is taken. Allocates nothing, never fails.
  void apply_row(std::span<const data::Cell> cells, std::span<float> out) const noexcept;

  /// One input of several rows: numbers as apply_row() takes them (NaN = missing) for a number,
  /// codes of category_code() for a category.
  struct InputColumn {
    std::span<const double> numbers;
    std::span<const std::uint32_t> codes;
  };
  static constexpr std::uint32_t kMissingCategory = 0xFFFFFFFF;
  /// What stands for a text of an input that is a category, for who sees the same ones again.
  std::uint32_t category_code(std::size_t input, std::string_view text) const noexcept;
  /// The bits of apply_row() for `rows` rows, one after the other in `out`. `scratch` keeps memory
  /// from call to call.
  void apply_columns(std::span<const InputColumn> columns, std::size_t rows,
                     std::vector<std::vector<double>>& scratch, std::span<float> out) const;

  /// Categories the fit saw for an input, most frequent first; empty for numbers. For API schemas.
  std::vector<std::string> categories(std::size_t input) const;

 private:
  static constexpr std::uint32_t kNoCode = kMissingCategory;  ///< or unseen: a block of zeros
  static_assert(kNoCode == TargetMeans::kMissing);

  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  /// Per input: how a cell becomes a number (double) or a category index. Both paths call these
  /// functions, which is why they agree to the bit.
  struct InputProgram {
    bool is_log = false;
    std::optional<double> fill;  ///< replaces a missing number, after the logarithm, before scaling
    double mean = 0;             ///< scaled = (x - mean) / deviation; identity when deviation == 0
    double deviation = 0;
    std::vector<std::string> categories;  ///< dictionary; index = position
    bool has_other = false;  ///< categories beyond the maximum share the index categories.size()
    std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>> index;
    std::optional<TargetMeans> means;  ///< instead of a column for each category; has_other is set

    double number(double raw) const noexcept;  ///< NaN = missing, in and out
    std::uint32_t code(std::string_view category) const noexcept;
    std::uint32_t code(double category) const noexcept;  ///< by its shortest text form
    double number_of(const data::Cell& cell) const noexcept;
    std::uint32_t code_of(const data::Cell& cell) const noexcept;
    /// Column path: the code of every row.
    std::vector<std::uint32_t> codes_of(const data::Column& column) const;
    std::uint32_t width() const {
      return static_cast<std::uint32_t>(categories.size()) + (has_other ? 1U : 0U);
    }
    std::string category_name(std::uint32_t at) const;
  };
  /// One encoded column or block of columns, in output order.
  struct Step {
    enum class Kind : std::uint8_t {
      kNumber,
      kOneHot,
      kTargetMean,
      kCrossCategories,
      kCrossNumber,
      kCrossNumbers
    } kind = Kind::kNumber;
    std::uint32_t a = 0;  ///< input
    std::uint32_t b =
        0;  ///< second input of a cross: category × category, category × number (b is the number)
    std::uint32_t first_output = 0;
    std::uint32_t width = 1;
    /// kCrossCategories: the pairs that have a column, code of a << 32 | code of b, ascending; the
    /// column is the position.
    std::vector<std::uint64_t> pairs;
  };
  friend struct TransformFitter;  // transform_fit.cpp
  friend struct TransformReader;  // transform_json.cpp

  /// Writes one row of one step into zeroed outputs, from `number_of(input)`, `code_of(input)`.
  template <typename NumberOf, typename CodeOf>
  void run_step(const Step& step, const NumberOf& number_of, const CodeOf& code_of,
                float* out) const noexcept;
  /// All steps of all rows, from numbers as the steps want them and codes. `out` is zeroed.
  void run_columns(std::span<const InputColumn> columns, std::size_t rows,
                   std::span<float> out) const noexcept;
  /// Gives the steps their places, and the outputs their unique names and origins.
  void lay_out();

  std::vector<InputField> inputs_;
  std::vector<InputProgram> programs_;
  std::vector<Step> steps_;
  std::vector<std::string> outputs_;
  std::vector<std::uint32_t> origins_;
};

}  // namespace tenure::learn
