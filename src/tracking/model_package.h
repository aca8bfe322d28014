#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::tracking {

/// One input or output column of a signature; type is MLflow's: boolean, integer, long, float,
/// double, string, datetime.
struct SignatureColumn {
  std::string name;
  std::string type;
  bool is_required = true;
  std::vector<std::int64_t> shape = {};  ///< of a tensor, -1 where it is open; empty: a column
};

/// A model as an MLflow model folder (docs/formats/model-package.md): MLmodel with the flavors
/// tenure, xgboost and python_function, requirements.txt, conda.yaml, python_env.yaml,
/// input_example.json, serving_input_example.json and the given files. `mlflow.xgboost.load_model`
/// opens it in Python.
struct ModelPackage {
  std::string run_id;
  std::string model_uuid;  ///< 32 hexadecimal digits
  core::Micros created = 0;
  std::string flavor = "xgboost";       ///< "lightgbm", in folders of other programs
  std::string data_file = "model.ubj";  ///< the booster among `files`
  std::vector<SignatureColumn>
      encoded_inputs;  ///< what the booster itself reads: MLmodel's signature
  /// Instead, how many numbers each row has of the one tensor that a model of another program
  /// reads: 0 = it reads columns, -1 = the signature does not say.
  std::int64_t tensor_width = 0;
  std::vector<SignatureColumn> inputs;  ///< what a user of the tenure flavor gives
  std::vector<SignatureColumn> outputs;
  core::JsonObject example;               ///< one encoded row by column name; may be empty
  std::string xgboost_version = "1.7.6";  ///< of the library that trained the booster
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string>
      files;  ///< relative path → bytes: model.ubj, transform.json, model.json, card.md, ...
};

/// Files that MLflow wants and `files` lacks (requirements.txt, conda.yaml, ...) are made.
///
/// Writes the folder so that a reader sees all of it or nothing: into a temporary sibling, synced,
/// then renamed. Errors: kInvalidArgument, naming the field; kAlreadyExists when the folder exists;
/// kResourceExhausted; kPermissionDenied.
core::Result<> write_package(const ModelPackage& package, const std::filesystem::path& folder);

/// Reads and checks a folder by MLflow's rules; `files` holds everything beside MLmodel.
/// A folder that MLflow wrote opens too; `inputs` are then the encoded ones. Errors: kNotFound,
/// kCorruption naming the key, kUnimplemented for tensor inputs other than one [-1, n] of numbers
/// and for flavors other than XGBoost and LightGBM, kResourceExhausted above 4 GiB.
core::Result<ModelPackage> read_package(const std::filesystem::path& folder);

}  // namespace tenure::tracking
