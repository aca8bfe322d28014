#include "tracking/model_package.h"

#include <tuple>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/file.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::tracking {
namespace {

namespace fs = std::filesystem;
using storage::testing::ChildProcess;
using storage::testing::TemporaryFolder;

bool same(const std::vector<SignatureColumn>& a, const std::vector<SignatureColumn>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.type == y.type && x.is_required == y.is_required;
  });
}

ModelPackage example_package() {
  ModelPackage package;
  package.run_id = "0123456789abcdef0123456789abcdef";
  package.model_uuid = "12345678901234567890123456789012";
  package.created = 1'700'000'000'000'000;
  package.encoded_inputs = {{"a", "double", true}, {"it's \"b\": #1", "float", false}};
  package.inputs = {{"city", "string", true}};
  package.outputs = {{"probability", "float", true}};
  package.example = {{"a", 0.5}};
  package.metadata = {{"yes", "no"}, {"version", "1.0"}, {"text", "a: 'b'\n\"c\""}};
  package.files = {{"model.ubj", std::string("{L\0\xff", 4)},
                   {"transform.json", "{}"},
                   {"sub/card.md", "# card"}};
  return package;
}

class ModelPackageTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(core::write_file_atomically(folder_ / name, text));
  }
  core::Error error_of(const std::string& mlmodel) {
    write("MLmodel", mlmodel);
    write("model.ubj", "{L");
    auto package = read_package(folder_);
    return package ? core::Error{core::ErrorCode::kInternal, "it was read"}
                   : std::move(package).error();
  }
  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path() / "runs" / "model";
};

TEST_F(ModelPackageTest, ReadsBackWhatItWrote) {
  const ModelPackage package = example_package();
  auto written = write_package(package, folder_);
  ASSERT_TRUE(written) << written.error().message;
  auto read = read_package(folder_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->run_id, package.run_id);
  EXPECT_EQ(read->model_uuid, package.model_uuid);
  EXPECT_EQ(read->created, package.created);
  EXPECT_EQ(read->data_file, "model.ubj");
  EXPECT_EQ(read->metadata, package.metadata);
  EXPECT_EQ(read->xgboost_version, package.xgboost_version);
  EXPECT_TRUE(same(read->encoded_inputs, package.encoded_inputs));
  EXPECT_TRUE(same(read->inputs, package.inputs));
  EXPECT_TRUE(same(read->outputs, package.outputs));
  for (const auto& [name, bytes] : package.files) EXPECT_EQ(read->files.at(name), bytes) << name;
  for (const char* name : {"requirements.txt", "conda.yaml", "python_env.yaml",
                           "input_example.json", "serving_input_example.json"}) {
    EXPECT_TRUE(read->files.contains(name)) << name;
  }
  EXPECT_EQ(read->example.at("a"), core::Json(0.5));
  // And that may be written again.
  EXPECT_TRUE(write_package(*read, temporary_.path() / "copy"));
}

TEST_F(ModelPackageTest, WritesWhatMlflowReads) {
  ASSERT_TRUE(write_package(example_package(), folder_));
  const std::string text = *core::read_file(folder_ / "MLmodel");
  for (const char* line : {"utc_time_created: '2023-11-14 22:13:20.000000'",
                           "loader_module: mlflow.xgboost", "model_class: xgboost.core.Booster",
                           "model_format: ubj", "model_uuid: \"12345678901234567890123456789012\"",
                           "version: \"1.0\"", "python_version: 3.11.7"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(*core::read_file(folder_ / "requirements.txt"), "mlflow==2.22.2\nxgboost==1.7.6\n");
  EXPECT_EQ(*core::read_file(folder_ / "input_example.json"),
            R"({"columns":["a","it's \"b\": #1"],"data":[[0.5,null]]})");
}

TEST_F(ModelPackageTest, ReadsAModelThatMlflowLogged) {
  write("model.xgb", "binf");
  write("MLmodel", R"(artifact_path: model
flavors:
  python_function:
    data: model.xgb
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.xgboost
    python_version: 3.11.7
  xgboost:
    code: null
    data: model.xgb
    model_class: xgboost.sklearn.XGBClassifier
    model_format: xgb
    xgb_version: 1.7.6
mlflow_version: 2.22.2
model_uuid: 0123456789abcdef0123456789abcdef
run_id: 8e4a32783d8a4141820439d741fde7fb
signature:
  inputs: '[{"type": "double", "name": "a"}, {"type": "long", "name": "b", "optional": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-01-02 03:04:05.678901'
)");
  auto package = read_package(folder_);
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->data_file, "model.xgb");
  EXPECT_TRUE(same(package->encoded_inputs, {{"a", "double", true}, {"b", "long", false}}));
  EXPECT_TRUE(same(package->inputs, package->encoded_inputs));
  EXPECT_TRUE(same(package->outputs, {{"", "long", true}}));
}

TEST_F(ModelPackageTest, NamesTheKeyThatIsWrong) {
  const std::string good =
      "flavors:\n  python_function: {data: model.ubj, loader_module: mlflow.xgboost}\n"
      "  xgboost: {data: model.ubj}\n";
  write("MLmodel", good);
  write("model.ubj", "{L");
  ASSERT_TRUE(read_package(folder_));
  const std::pair<std::string, std::string> cases[] = {
      {"", "map"},
      {"- a\n- b\n", "map"},
      {"a: [1\n", "MLmodel"},
      {"flavors: 3\n", "flavors"},
      {"flavors: {lightgbm: {data: }}\n", "flavors.lightgbm.data"},
      {"flavors: {xgboost: {data: }}\n", "flavors.xgboost.data"},
      {"flavors: {xgboost: {data: [a]}}\n", "flavors.xgboost.data"},
      {"flavors: {xgboost: {data: other.ubj}}\n", "other.ubj"},
      {"flavors: {xgboost: {data: ../model.ubj}}\n", "leaves the folder"},
      {"flavors: {xgboost: {data: /etc/passwd}}\n", "leaves the folder"},
      {"flavors: {xgboost: {data: model.ubj}, python_function: {}}\n", "loader_module"},
      {good + "utc_time_created: yesterday\n", "utc_time_created"},
      {good + "metadata: [a]\n", "metadata"},
      {good + "signature: {inputs: '[', outputs: null}\n", "signature.inputs"},
      {good + "signature: {inputs: '{}', outputs: null}\n", "signature.inputs"},
      {good + "signature: {inputs: '[1]', outputs: null}\n", "signature.inputs"},
      {good + "signature: {inputs: '[]', outputs: '[{\"type\": 4}]'}\n", "signature.outputs"}};
  for (const auto& [text, expected] : cases) {
    const core::Error error = error_of(text);
    EXPECT_EQ(error.code, core::ErrorCode::kCorruption) << text << error.message;
    EXPECT_NE(error.message.find(expected), std::string::npos) << text << error.message;
  }
}

TEST_F(ModelPackageTest, ReadsATensorOfNumbersAsWideRows) {
  write("model.ubj", "{L");
  const auto tensor = [](const std::string& type, const std::string& shape) {
    return R"({"type": "tensor", "tensor-spec": {"dtype": ")" + type + R"(", "shape": )" + shape +
           "}}";
  };
  const auto text = [](const std::string& inputs) {
    return "flavors:\n  xgboost: {data: model.ubj}\nsignature: {inputs: '[" + inputs + "]'}\n";
  };
  for (const auto& [type, shape, width] :
       {std::tuple<std::string, std::string, std::int64_t>{"float32", "[-1, 3]", 3},
        {"float64", "[-1, 40]", 40},
        {"int64", "[-1, 1]", 1},
        {"float64", "[-1, -1]", -1}}) {
    write("MLmodel", text(tensor(type, shape)));
    auto package = read_package(folder_);
    ASSERT_TRUE(package) << package.error().message;
    EXPECT_EQ(package->tensor_width, width);
    EXPECT_TRUE(package->encoded_inputs.empty());
  }
  for (const std::string& refused :
       {tensor("str", "[-1, 3]"), tensor("float64", "[-1]"), tensor("float64", "[3, 3]"),
        tensor("float64", "[-1, 3, 3]"), tensor("complex64", "[-1, 3]"),
        tensor("float64", "[-1, 3]") + ", " + tensor("float64", "[-1, 2]")}) {
    EXPECT_EQ(error_of(text(refused)).code, core::ErrorCode::kUnimplemented) << refused;
  }
  for (const std::string shape : {"3", "[]", "[-1, \"a\"]", "[-1, -2]"})
    EXPECT_EQ(error_of(text(tensor("float64", shape))).code, core::ErrorCode::kCorruption) << shape;
}

TEST_F(ModelPackageTest, ReadsALightgbmModel) {
  write("MLmodel", "flavors: {lightgbm: {data: model.lgb, lgb_version: 4.5.0}}\n");
  write("model.lgb", "tree\n");
  auto package = read_package(folder_);
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->flavor, "lightgbm");
  EXPECT_EQ(package->data_file, "model.lgb");
}

TEST_F(ModelPackageTest, SaysWhyAModelOfAnotherFlavorCannotBeRead) {
  const core::Error error = error_of("flavors: {sklearn: {}, python_function: {}}\n");
  EXPECT_EQ(error.code, core::ErrorCode::kUnimplemented);
  EXPECT_NE(error.message.find("sklearn, python_function"), std::string::npos) << error.message;
}

TEST_F(ModelPackageTest, AMissingFolderIsNotFound) {
  EXPECT_EQ(read_package(folder_).error().code, core::ErrorCode::kNotFound);
}

TEST_F(ModelPackageTest, RefusesSymbolicLinksInside) {
  ASSERT_TRUE(write_package(example_package(), folder_));
  fs::create_symlink("/etc/hostname", folder_ / "stolen");
  EXPECT_EQ(read_package(folder_).error().code, core::ErrorCode::kCorruption);
}

TEST_F(ModelPackageTest, RefusesAPackageThatCannotBeRead) {
  const auto code_of = [&](const auto& change) {
    ModelPackage package = example_package();
    change(package);
    auto written = write_package(package, folder_);
    return written ? core::ErrorCode::kInternal : written.error().code;
  };
  constexpr auto kInvalid = core::ErrorCode::kInvalidArgument;
  for (const char* path : {"../x", "/x", "a/../x", "", "a//b", "MLmodel"})
    EXPECT_EQ(code_of([&](ModelPackage& p) { p.files[path] = "x"; }), kInvalid) << path;
  EXPECT_EQ(code_of([](ModelPackage& p) { p.data_file = "other"; }), kInvalid);
  EXPECT_EQ(code_of([](ModelPackage& p) { p.model_uuid = "x"; }), kInvalid);
  EXPECT_EQ(code_of([](ModelPackage& p) { p.inputs = {{"a", "number", true}}; }), kInvalid);
  EXPECT_EQ(code_of([](ModelPackage& p) { p.example["zzz"] = 1; }), kInvalid);
  EXPECT_EQ(code_of([](ModelPackage& p) {
              p.encoded_inputs = {{"a", "double", true}, {"a", "double", true}};
            }),
            kInvalid);
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(ModelPackageTest, NeverReplacesAFolder) {
  ASSERT_TRUE(write_package(example_package(), folder_));
  EXPECT_EQ(write_package(example_package(), folder_).error().code,
            core::ErrorCode::kAlreadyExists);
  fs::create_directory(temporary_.path() / "empty");
  EXPECT_EQ(write_package(example_package(), temporary_.path() / "empty").error().code,
            core::ErrorCode::kAlreadyExists);
}

TEST_F(ModelPackageTest, AFullDiskIsToldAndLeavesNothing) {
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    storage::testing::limit_file_size(100'000);
    ModelPackage package = example_package();
    package.files["model.ubj"] = std::string(200'000, 'x');
    auto written = write_package(package, folder_);
    reporter.report(written ? -2 : static_cast<std::int64_t>(written.error().code));
    return 0;
  });
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(fs::is_empty(folder_.parent_path()));
}

TEST_F(ModelPackageTest, AFolderItMayNotWriteIsTold) {
  ::chmod(temporary_.path().c_str(), 0555);
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    if (!storage::testing::become_ordinary_user()) return 1;
    auto written = write_package(example_package(), folder_);
    reporter.report(written ? -2 : static_cast<std::int64_t>(written.error().code));
    return 0;
  });
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(child.wait(), 0);
  ::chmod(temporary_.path().c_str(), 0755);
}

TEST_F(ModelPackageTest, Kill9LeavesAllOfAPackageOrNothing) {
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    for (std::int64_t i = 1;; ++i) {
      if (!write_package(example_package(), temporary_.path() / std::to_string(i))) return 1;
      if (!reporter.report(i)) return 2;
    }
  });
  std::int64_t acknowledged = 0;
  while (acknowledged < 10) {
    acknowledged = child.next(-1);
    ASSERT_GT(acknowledged, 0);
  }
  child.kill_hard();
  for (std::int64_t more = child.next(0); more > 0; more = child.next(0)) acknowledged = more;
  std::int64_t whole = 0;
  for (const auto& entry : fs::directory_iterator(temporary_.path())) {
    if (entry.path().filename().string().starts_with('.')) continue;  // unfinished
    auto package = read_package(entry.path());
    EXPECT_TRUE(package) << package.error().message;
    ++whole;
  }
  EXPECT_GE(whole, acknowledged);
}

}  // namespace
}  // namespace tenure::tracking
