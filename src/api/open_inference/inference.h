#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/open_inference/tensor.h"
#include "api/served_model.h"
#include "core/result.h"
#include "serving/predictor.h"

namespace tenure::api {

/// One call of the Open Inference Protocol (V2), whatever carried it: tensors in, predictions,
/// tensors out. REST and gRPC fill `inputs` and `outputs` and write what run() gives.
///
/// Inputs, either
///   one tensor [n, F] with the model's F inputs in their order, or
///   one tensor [n] or [n, 1] for each input, by name,
/// and beside them, or alone, `customer_id` (or `entity_id`) [n]: features that are not given come
/// from the store.
///
/// Outputs on request, `probability` without one:
///   probability FP32 [n]     margin FP32 [n], log-odds     label INT64 [n], 1 = positive
///   decision BYTES [n]       level BYTES [n]               prediction_id BYTES [n]
///   contributions FP32 [n, F + 1], log-odds, the last column is the bias; NaN where the model
///     did not answer
///   model_version INT64 [n], variant BYTES [n]: who answered; the variant is "" where one version
///     answers all
///   reason_codes BYTES [n, 4], "Contract" and so on, largest first, "" = no further one
/// `probability` with a class count (Triton's classification extension) is BYTES [n, 1 or 2]: the
/// most probable class first, as "0.694262:0:stay".
///
/// Reused from call to call; one per thread.
class Inference {
 public:
  static constexpr std::size_t kReasonCodes = 4;
  static constexpr std::size_t kInputsMax = 4096;

  std::vector<InputTensor> inputs;
  struct Wanted {
    std::string_view name;
    std::size_t class_count = 0;  ///< of the classification extension; 0 = as numbers
  };
  std::vector<Wanted> outputs;  ///< none twice
  core::Micros timeout = 0;     ///< parameter `timeout`, from the request's beginning; 0 = none

  void clear();

  /// Answers in the order of `outputs`; the tensors live until the next call. Errors:
  /// kInvalidArgument naming the tensor; kResourceExhausted for more than rows_max rows;
  /// kUnimplemented when contributions are wanted of a model that cannot be explained.
  /// `options`: what of it the caller knows; whether to explain follows from `outputs`.
  core::Result<std::span<const OutputTensor>> run(const LiveModel& live, std::size_t rows_max,
                                                  serving::PredictOptions options);

  std::size_t row_count() const { return rows_.size(); }
  std::span<const serving::Prediction> predictions() const { return predictions_; }

  /// The version to name for the whole answer: the one that answered all rows, else `champion`.
  const serving::ModelSnapshot& version_of_all(const serving::ModelSnapshot& champion) const;
  /// The variant that answered all rows; "" when there is none or several did.
  std::string_view variant_of_all() const;

 private:
  core::Result<> read_inputs(const serving::ModelSnapshot& snapshot, std::size_t rows_max);
  core::Result<> read_matrix(const serving::ModelSnapshot& snapshot, const InputTensor& tensor);
  core::Result<> read_column(const serving::ModelSnapshot& snapshot, const InputTensor& tensor,
                             std::size_t input);
  core::Result<> read_ids(const InputTensor& tensor);
  core::Result<> set_rows(const InputTensor& tensor, std::size_t rows_max);
  core::Result<> set_cell(const serving::ModelSnapshot& snapshot, const InputTensor& tensor,
                          std::size_t element, std::size_t row, std::size_t input);
  core::Result<> check_outputs(const serving::ModelSnapshot& snapshot) const;
  void write_output(const serving::ModelSnapshot& snapshot, const Wanted& wanted,
                    OutputTensor& out);
  void write_classes(const serving::ModelSnapshot& snapshot, std::size_t count, OutputTensor& out);

  std::size_t width_ = 0;
  bool has_rows_ = false;
  std::vector<data::Cell> cells_;  ///< rows × width_
  std::vector<std::string> id_texts_;
  std::vector<serving::PredictRow> rows_;
  std::vector<serving::Prediction> predictions_;
  serving::Traffic::Scratch scratch_;
  std::vector<OutputTensor> answers_;
};

/// What an answer may hold, for metadata: name, type and whether it has a second dimension.
struct OutputFacts {
  std::string_view name;
  Datatype datatype;
  bool is_matrix = false;  ///< [n, k]
};
std::span<const OutputFacts> output_facts();

/// The type that metadata announces for an input.
Datatype datatype_of(const learn::InputField& input);

}  // namespace tenure::api
