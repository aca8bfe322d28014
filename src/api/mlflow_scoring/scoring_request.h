#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_reader.h"
#include "api/rows/feature_rows.h"
#include "api/validation_errors.h"
#include "serving/predictor.h"

namespace tenure::api {

/// Reads the body of POST /invocations as MLflow's scoring server does: exactly one of
///
///   {"dataframe_split": {"columns": ["a", …], "index"?: […], "data": [[…], …]}}
///   {"dataframe_records": [{"a": …}, …]}
///   {"instances": [[…] or {…}, …]}
///   {"inputs": {"a": […], …} or [[…] or {…}, …]}
///
/// beside an optional "params" object, or a CSV table with a header line. Names that are no inputs
/// of the model are dropped; every input must be there. NaN and the infinities, as Python's json
/// writes them, are missing values; so are empty cells, NaN, NA and null in a CSV table.
/// Reused from request to request; one per thread.
class ScoringRequest {
 public:
  enum class Outcome : std::uint8_t { kRows, kInvalid, kTooManyRows };

  /// What the caller wants for each row: params.predict_method.
  enum class Method : std::uint8_t {
    kPredict,       ///< the probability of the event, as Booster.predict gives it
    kPredictProba,  ///< [1 - p, p]
  };

  Outcome decode_json(std::string_view body, const serving::ModelSnapshot& snapshot,
                      std::size_t rows_max);
  Outcome decode_csv(std::string_view body, const serving::ModelSnapshot& snapshot,
                     std::size_t rows_max);

  const std::vector<serving::PredictRow>& rows() const { return rows_; }
  Method method() const { return method_; }
  const ValidationErrors& errors() const { return errors_; }

 private:
  void begin(const serving::ModelSnapshot& snapshot, std::size_t rows_max);
  void read_body(JsonReader& reader);
  bool read_data(JsonReader& reader, std::string_view member);
  void read_split(JsonReader& reader);
  void read_split_columns(JsonReader& reader);
  void read_params(JsonReader& reader);
  Outcome finish(std::string_view member);

  FeatureRows features_;
  std::vector<serving::PredictRow> rows_;
  ValidationErrors errors_;
  Method method_ = Method::kPredict;
  std::string_view data_;  ///< the member that held the rows; "" = none yet
  std::vector<std::string_view> columns_;
  std::deque<std::string> csv_unquoted_;
  std::string unescaped_, data_unescaped_;
};

}  // namespace tenure::api
