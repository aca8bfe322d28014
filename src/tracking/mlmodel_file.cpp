#include "tracking/mlmodel_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "core/time_format.h"
#include "tracking/signature.h"

namespace tenure::tracking {
namespace {

// What the Python side is told to install: the newest release of the line whose schema and model
// format we write.
constexpr std::string_view kMlflowVersion = "2.22.2";
constexpr std::string_view kPythonVersion = "3.11.7";
constexpr std::string_view kArtifactPath = "model";

core::Error bad_key(std::string_view key, std::string_view why) {
  return core::Error{core::ErrorCode::kCorruption, fmt::format("MLmodel: {}: {}", key, why)};
}

/// The text of a scalar, or `otherwise` when the key is missing or null.
core::Result<std::string> text_of(const YAML::Node& parent, const std::string& key,
                                  const std::string& path, const std::string& otherwise) {
  const YAML::Node node = parent[key];
  if (!node || node.IsNull()) return otherwise;
  if (!node.IsScalar()) return bad_key(path, "a text is expected");
  return node.Scalar();
}

core::Result<std::vector<SignatureColumn>> columns_of(const YAML::Node& parent,
                                                      const std::string& key,
                                                      const std::string& path) {
  auto text = text_of(parent, key, path, "[]");
  if (!text) return std::move(text).error();
  auto columns = signature_from_json(*text);
  if (columns) return columns;
  if (columns.error().code == core::ErrorCode::kUnimplemented)
    return std::move(columns).error().within("MLmodel: " + path);
  return bad_key(path, columns.error().message);
}

/// How many numbers a row of the tensor has that is a model's one input.
core::Result<std::int64_t> tensor_width(const SignatureColumn& tensor) {
  const auto unsupported = [](std::string why) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("MLmodel: signature.inputs: {}; a booster reads a tensor of "
                                   "numbers with shape [-1, n]",
                                   why)};
  };
  if (tensor.type == "string") return unsupported("it is a tensor of texts");
  if (tensor.shape.size() != 2 || tensor.shape[0] != -1 || tensor.shape[1] == 0)
    return unsupported(fmt::format("its tensor has the shape [{}]", fmt::join(tensor.shape, ", ")));
  return tensor.shape[1];
}

core::Result<> read_signature(const YAML::Node& root, ModelPackage& package) {
  const YAML::Node signature = root["signature"];
  if (!signature || signature.IsNull()) return {};
  if (!signature.IsMap()) return bad_key("signature", "a map is expected");
  auto inputs = columns_of(signature, "inputs", "signature.inputs");
  if (!inputs) return std::move(inputs).error();
  if (inputs->size() == 1 && !inputs->front().shape.empty()) {
    auto width = tensor_width(inputs->front());
    if (!width) return std::move(width).error();
    package.tensor_width = *width;
    inputs->clear();
  }
  for (const SignatureColumn& column : *inputs) {
    if (!column.shape.empty() || column.name.empty()) {
      return core::Error{core::ErrorCode::kUnimplemented,
                         "MLmodel: signature.inputs: several tensors and columns without a name "
                         "are not supported"};
    }
  }
  auto outputs = columns_of(signature, "outputs", "signature.outputs");
  if (!outputs) return std::move(outputs).error();
  package.encoded_inputs = std::move(*inputs);
  package.outputs = std::move(*outputs);
  return {};
}

/// The flavor that says where the booster is.
core::Result<> read_booster(const YAML::Node& flavors, ModelPackage& package) {
  for (const auto& [flavor, version_key] :
       {std::pair{"xgboost", "xgb_version"}, std::pair{"lightgbm", "lgb_version"}}) {
    const YAML::Node booster = flavors[flavor];
    if (!booster) continue;
    const std::string path = fmt::format("flavors.{}", flavor);
    if (!booster.IsMap()) return bad_key(path, "a map is expected");
    auto data = text_of(booster, "data", path + ".data", "");
    if (!data) return std::move(data).error();
    if (data->empty()) return bad_key(path + ".data", "missing");
    auto version = text_of(booster, version_key, fmt::format("{}.{}", path, version_key), "");
    if (!version) return std::move(version).error();
    package.flavor = flavor;
    package.data_file = *std::move(data);
    package.xgboost_version = *std::move(version);
    return {};
  }
  std::string known;
  for (const auto& flavor : flavors)
    known += (known.empty() ? "" : ", ") + flavor.first.as<std::string>("?");
  return core::Error{
      core::ErrorCode::kUnimplemented,
      fmt::format("MLmodel: its flavors are {}; only models of XGBoost and LightGBM can be read. A "
                  "model that is a Python pickle (scikit-learn, a pipeline) cannot be evaluated "
                  "outside Python: log the booster itself",
                  known.empty() ? "none" : known)};
}

core::Result<> read_flavors(const YAML::Node& root, ModelPackage& package) {
  const YAML::Node flavors = root["flavors"];
  if (!flavors || !flavors.IsMap()) return bad_key("flavors", "a map is expected");
  if (auto read = read_booster(flavors, package); !read) return read;

  const YAML::Node pyfunc = flavors["python_function"];
  if (pyfunc) {
    if (!pyfunc.IsMap()) return bad_key("flavors.python_function", "a map is expected");
    auto loader = text_of(pyfunc, "loader_module", "flavors.python_function.loader_module", "");
    if (!loader) return std::move(loader).error();
    if (loader->empty()) return bad_key("flavors.python_function.loader_module", "missing");
  }
  package.inputs = package.encoded_inputs;
  const YAML::Node own = flavors["tenure"];
  if (!own) return {};
  if (!own.IsMap()) return bad_key("flavors.tenure", "a map is expected");
  auto inputs = columns_of(own, "inputs", "flavors.tenure.inputs");
  if (!inputs) return std::move(inputs).error();
  package.inputs = std::move(*inputs);
  return {};
}

core::Result<> read_rest(const YAML::Node& root, ModelPackage& package) {
  auto run = text_of(root, "run_id", "run_id", "");
  if (!run) return std::move(run).error();
  package.run_id = std::move(*run);
  auto uuid = text_of(root, "model_uuid", "model_uuid", "");
  if (!uuid) return std::move(uuid).error();
  package.model_uuid = std::move(*uuid);
  auto created = text_of(root, "utc_time_created", "utc_time_created", "");
  if (!created) return std::move(created).error();
  if (!created->empty()) {
    auto time = core::parse_time(*created);
    if (!time) return bad_key("utc_time_created", time.error().message);
    package.created = *time;
  }
  const YAML::Node metadata = root["metadata"];
  if (!metadata || metadata.IsNull()) return {};
  if (!metadata.IsMap()) return bad_key("metadata", "a map is expected");
  for (const auto& entry : metadata) {
    // MLflow allows any value; what is no text is kept as its YAML.
    package.metadata[entry.first.Scalar()] =
        entry.second.IsScalar() ? entry.second.Scalar() : YAML::Dump(entry.second);
  }
  return {};
}

void emit_flavors(YAML::Emitter& out, const ModelPackage& package) {
  out << YAML::Key << "flavors" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "python_function" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "data" << YAML::Value << package.data_file;
  out << YAML::Key << "env" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "conda" << YAML::Value << "conda.yaml";
  out << YAML::Key << "virtualenv" << YAML::Value << "python_env.yaml" << YAML::EndMap;
  out << YAML::Key << "loader_module" << YAML::Value << "mlflow.xgboost";
  out << YAML::Key << "python_version" << YAML::Value << std::string(kPythonVersion);
  out << YAML::EndMap;

  out << YAML::Key << "tenure" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "data" << YAML::Value << package.data_file;
  out << YAML::Key << "format_version" << YAML::Value << 1;
  out << YAML::Key << "inputs" << YAML::Value << YAML::SingleQuoted
      << signature_to_json(package.inputs);
  if (package.files.contains("transform.json"))
    out << YAML::Key << "transform" << YAML::Value << "transform.json";
  out << YAML::EndMap;

  out << YAML::Key << "xgboost" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "code" << YAML::Value << YAML::Null;
  out << YAML::Key << "data" << YAML::Value << package.data_file;
  out << YAML::Key << "model_class" << YAML::Value << "xgboost.core.Booster";
  out << YAML::Key << "model_format" << YAML::Value
      << (package.data_file.ends_with(".json") ? "json" : "ubj");
  out << YAML::Key << "xgb_version" << YAML::Value << package.xgboost_version << YAML::EndMap;
  out << YAML::EndMap;
}

void emit_example(YAML::Emitter& out) {
  out << YAML::Key << "saved_input_example_info" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "artifact_path" << YAML::Value << "input_example.json";
  out << YAML::Key << "pandas_orient" << YAML::Value << "split";
  out << YAML::Key << "serving_input_path" << YAML::Value << "serving_input_example.json";
  out << YAML::Key << "type" << YAML::Value << "dataframe" << YAML::EndMap;
}

}  // namespace

std::string mlmodel_text(const ModelPackage& package, std::uint64_t size) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "artifact_path" << YAML::Value << std::string(kArtifactPath);
  emit_flavors(out, package);
  out << YAML::Key << "is_signature_from_type_hint" << YAML::Value << false;
  if (!package.metadata.empty()) {
    out << YAML::Key << "metadata" << YAML::Value << YAML::BeginMap;
    // Quoted, or YAML would read "1.0" and "yes" as something else than text.
    for (const auto& [key, value] : package.metadata)
      out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
    out << YAML::EndMap;
  }
  out << YAML::Key << "mlflow_version" << YAML::Value << std::string(kMlflowVersion);
  out << YAML::Key << "model_size_bytes" << YAML::Value << size;
  out << YAML::Key << "model_uuid" << YAML::Value << YAML::DoubleQuoted << package.model_uuid;
  out << YAML::Key << "prompts" << YAML::Value << YAML::Null;
  if (!package.run_id.empty())
    out << YAML::Key << "run_id" << YAML::Value << YAML::DoubleQuoted << package.run_id;
  if (!package.example.empty()) emit_example(out);
  if (!package.encoded_inputs.empty()) {
    out << YAML::Key << "signature" << YAML::Value << YAML::BeginMap;
    out << YAML::Key << "inputs" << YAML::Value << YAML::SingleQuoted
        << signature_to_json(package.encoded_inputs);
    out << YAML::Key << "outputs" << YAML::Value;
    if (package.outputs.empty()) {
      out << YAML::Null;
    } else {
      out << YAML::SingleQuoted << signature_to_json(package.outputs);
    }
    out << YAML::Key << "params" << YAML::Value << YAML::Null << YAML::EndMap;
  }
  out << YAML::Key << "type_hint_from_example" << YAML::Value << false;
  // Quoted, or YAML would read a time stamp, which MLflow does not take.
  out << YAML::Key << "utc_time_created" << YAML::Value << YAML::SingleQuoted
      << core::format_utc_plain(package.created);
  out << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

core::Result<ModelPackage> parse_mlmodel(const std::string& text) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return bad_key("the file", "a map is expected");
    ModelPackage package;
    if (auto read = read_signature(root, package); !read) return std::move(read).error();
    if (auto read = read_flavors(root, package); !read) return std::move(read).error();
    if (auto read = read_rest(root, package); !read) return std::move(read).error();
    return package;
  } catch (const YAML::Exception& error) {
    return core::Error{core::ErrorCode::kCorruption, fmt::format("MLmodel: {}", error.what())};
  }
}

std::string requirements_text(const ModelPackage& package) {
  return fmt::format("mlflow=={}\nxgboost=={}\n", kMlflowVersion, package.xgboost_version);
}

std::string conda_text(const ModelPackage& package) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "channels" << YAML::Value << YAML::BeginSeq << "conda-forge" << YAML::EndSeq;
  out << YAML::Key << "dependencies" << YAML::Value << YAML::BeginSeq;
  out << fmt::format("python={}", kPythonVersion) << "pip<=24.3";
  out << YAML::BeginMap << YAML::Key << "pip" << YAML::Value << YAML::BeginSeq;
  out << fmt::format("mlflow=={}", kMlflowVersion)
      << fmt::format("xgboost=={}", package.xgboost_version);
  out << YAML::EndSeq << YAML::EndMap << YAML::EndSeq;
  out << YAML::Key << "name" << YAML::Value << "mlflow-env" << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

std::string python_env_text() {
  // setuptools below 81 still carries pkg_resources, which MLflow 2.22 imports.
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "python" << YAML::Value << YAML::DoubleQuoted << std::string(kPythonVersion);
  out << YAML::Key << "build_dependencies" << YAML::Value << YAML::BeginSeq << "pip<=24.3"
      << "setuptools<81"
      << "wheel" << YAML::EndSeq;
  out << YAML::Key << "dependencies" << YAML::Value << YAML::BeginSeq << "-r requirements.txt"
      << YAML::EndSeq << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

}  // namespace tenure::tracking
