#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_reader.h"
#include "api/rows/feature_rows.h"
#include "api/validation_errors.h"
#include "serving/predictor.h"

namespace tenure::api {

/// Reads the body of POST /predict against the inputs of one model:
///
///   {"customer_id": "…"}                      one entity, features from the store
///   {"customer_ids": ["…", …]}                many
///   {"features": {…}}                         one row; every input must be named, null = missing
///   {"features": [{…}, …]}, [[…], …]          many; arrays in the order of the model's inputs
///   customer_id + features, customer_ids + features list (pairwise): given features override
///
/// entity_id and entity_ids are synonyms; ids are texts or integers. Other members are ignored.
/// Reused from request to request, so that a warm decode allocates nothing. One per thread.
class PredictRequest {
 public:
  enum class Outcome { kRows, kInvalid, kTooManyRows };

  /// On kRows, rows() has at least one row; views live as long as `body` and this object's next
  /// decode. On kInvalid, errors() has all mistakes.
  Outcome decode(std::string_view body, const serving::ModelSnapshot& snapshot,
                 std::int64_t rows_max);

  const std::vector<serving::PredictRow>& rows() const { return rows_; }
  bool is_list() const { return is_list_; }  ///< the answer is a list, too
  const ValidationErrors& errors() const { return errors_; }

 private:
  void read_body(JsonReader& reader);
  void read_id(JsonReader& reader, std::string_view key);
  void read_ids(JsonReader& reader, std::string_view key);
  bool read_id_value(JsonReader& reader, std::string_view& id, std::string_view& input,
                     std::string_view& mistake);
  void add_id_error(std::initializer_list<ValidationErrors::Step> location,
                    std::string_view mistake, std::string_view input);
  void read_features(JsonReader& reader);
  void combine(std::string_view body);

  std::size_t rows_max_ = 0;
  bool is_list_ = false, is_too_many_ = false;
  bool has_id_ = false, has_ids_ = false, has_features_ = false, has_feature_list_ = false;
  std::string_view ids_key_;
  std::vector<std::string_view> ids_;
  FeatureRows features_;
  std::vector<serving::PredictRow> rows_;
  std::string unescaped_;
  ValidationErrors errors_;
};

}  // namespace tenure::api
