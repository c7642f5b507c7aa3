#include "deployments/document.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/error.hpp"
#include "base/id.hpp"

namespace modelops::deployments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ResolvedVersion digits() {
  ResolvedVersion out;
  out.model_id = "mdl_1";
  out.model_name = "digits";
  out.version_id = "ver_1";
  out.number = 3;
  out.digest = std::string(64, 'd');
  out.files = {{"README.md", 5, std::string(64, '1')}, {"digits.onnx", 10, std::string(64, '2')}};
  out.interface = "custom";
  out.recommended_engine = "onnxruntime";
  return out;
}

ResolvedVersion gemma() {
  ResolvedVersion out = digits();
  out.model_name = "gemma";
  out.files = {{"gemma-00002-of-00002.gguf", 1, ""}, {"gemma-00001-of-00002.gguf", 1, ""}};
  out.interface = "chat";
  out.recommended_engine = "llama_cpp";
  return out;
}

const EngineCatalogue& catalogue() {
  static const EngineCatalogue loaded = EngineCatalogue::load();
  return loaded;
}

/// The offending field, or "accepted".
std::string refused_field(const DeploymentSpec& spec, const ResolvedVersion& version, std::int64_t replicas = 1) {
  try {
    make_document(spec, version, catalogue(), replicas);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unprocessable);
    return error.violations.empty() ? "none" : error.violations.front().pointer;
  }
  return "accepted";
}

TEST(Engines, TheCatalogueHasWhatWeSay) {
  std::vector<std::string> ids;
  for (const Engine& engine : catalogue().engines()) ids.push_back(*engine.id);
  EXPECT_THAT(ids, ElementsAre("onnxruntime", "llama_cpp", "vllm", "sglang", "tgi", "tei", "triton"));
  EXPECT_TRUE(catalogue().find("tgi")->legacy);
  EXPECT_EQ(catalogue().find("ollama"), nullptr);
}

TEST(Engines, AnOperatorsCatalogueIsChecked) {
  const auto path = std::filesystem::temp_directory_path() / ("modelops_engines_" + new_uuid7() + ".json");
  EXPECT_THROW(EngineCatalogue::load(path), Error);
  for (const char* bad : {"", "{}x", R"({"engines":[{"id":"a"}]})", R"({"engines":[{"id":"a","name":"A","port":1}]})",
                          R"({"engines":[{"id":"a","name":"A","port":1,"drivers":["process"],"command":["x"],
                             "model_files":["*"],"flags":[{"name":"f","type":"integer","argument":"-f",
                             "default":"x"}]}]})"})
    EXPECT_THROW(EngineCatalogue{bad}, Error) << bad;
  const EngineCatalogue good(
      R"({"engines":[{"id":"a","name":"A","port":1,"drivers":["process"],"command":["x"],"model_files":["*"]}]})");
  EXPECT_NE(good.find("a"), nullptr);
}

TEST(Engines, PatternsMatch) {
  EXPECT_TRUE(matches("*.onnx", "a/b.onnx"));
  EXPECT_FALSE(matches("*.onnx", "a.onnx.data"));
  EXPECT_TRUE(matches("*-00001-of-*.gguf", "m-00001-of-00002.gguf"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_FALSE(matches("a", "ab"));
}

TEST(Engines, FlagsAreTyped) {
  const Engine& llama = *catalogue().find("llama_cpp");
  EngineFlags flags =
      checked_flags(llama, {{"threads", 4}, {"jinja", true}, {"embeddings", false}, {"pooling", "mean"}});
  EXPECT_EQ(flags.at("ctx_size"), 4096) << "a default";
  EXPECT_THAT(command_line(llama, flags, "gemma", "m.gguf"),
              ElementsAre("{engines}/llama.cpp/current/llama-server", "--model", "{artifact}/m.gguf", "--alias",
                          "gemma", "--host", "{host}", "--port", "{port}", "--metrics", "--ctx-size", "4096",
                          "--parallel", "2", "--threads", "4", "--pooling", "mean", "--jinja"));
  try {
    EngineFlags bad{{"threads", 0}, {"jinja", "yes"}, {"pooling", "best"}, {"ctx_size", 1.5}, {"rm", "-rf"}};
    bad["chat_template"] = std::string("a\0b", 3);
    checked_flags(llama, bad);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.violations.size(), 6u);
    EXPECT_EQ(error.violations[0].pointer, "/flags/chat_template");
  }
}

TEST(Document, IsCanonicalAndItsDigestIsFrozen) {
  const RevisionDocument document = make_document({}, digits(), catalogue(), 2);
  EXPECT_EQ(canonical(document),
            R"({"spec_version":1,"version":{"model_id":"mdl_1","model_name":"digits","version_id":"ver_1","number":3,)"
            R"("digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","interface":"custom"},)"
            R"("replicas":2,"engine":"onnxruntime","flags":{},"engine_model":"digits","model_file":"digits.onnx",)"
            R"("cpus_max":0,"memory_bytes_max":0,"environment_variables":[],"readiness":{"path":"/v2/health/ready",)"
            R"("period_ms":500,"timeout_ms":2000,"failures_max":3},"liveness":{"path":"/v2/health/live",)"
            R"("period_ms":5000,"timeout_ms":2000,"failures_max":3},"startup_ms_max":120000,"limits":{"timeout_ms":)"
            R"(300000,"concurrency_max":64,"queue_max":256,"queue_wait_ms_max":30000},"runtime":{"type":"process",)"
            R"("command":["{modelops}","runtime","--host","{host}","--port","{port}","--model",)"
            R"("digits={artifact}/digits.onnx","--library","{engines}/onnxruntime/current/lib/libonnxruntime.so"],)"
            R"("port":0,"stop_grace_ms":10000,"restarts_max":5}})");
  EXPECT_EQ(digest_of(document), "a17de90ea25726f9e5b6b1c870b900240c60918b56a6224787d0a2805ac6c140");
  EXPECT_EQ(canonical(reflect::from_stored_json<RevisionDocument>(canonical(document))), canonical(document));
}

TEST(Document, NamesTheTimeToDrainOnlyWhenItIsNotTheDefault) {
  DeploymentSpec spec;
  ProcessRuntime runtime;
  runtime.drain_ms = DrainTime::of<60'000>();
  spec.runtime = runtime;
  const RevisionDocument patient = make_document(spec, digits(), catalogue(), 1);
  EXPECT_EQ(drain_time(patient), std::chrono::minutes(1));
  EXPECT_THAT(canonical(patient), ::testing::HasSubstr(R"("drain_ms":60000)"));
  EXPECT_EQ(drain_time(make_document({}, digits(), catalogue(), 1)), std::chrono::seconds(3));
}

TEST(Document, RefusesWhatCannotRun) {
  DeploymentSpec spec;
  EXPECT_EQ(refused_field(spec, gemma()), "accepted");
  EXPECT_EQ(make_document(spec, gemma(), catalogue(), 1).model_file, "gemma-00001-of-00002.gguf");
  spec.engine = reflect::Slug::parse("vllm");
  EXPECT_EQ(refused_field(spec, gemma()), "/engine") << "containers only";
  spec.engine = reflect::Slug::parse("nothing");
  EXPECT_EQ(refused_field(spec, gemma()), "/engine");
  spec.engine = reflect::Slug::parse("onnxruntime");
  EXPECT_EQ(refused_field(spec, gemma()), "/engine") << "no file for it";
  ResolvedVersion unknown = digits();
  unknown.recommended_engine = "";
  EXPECT_EQ(refused_field({}, unknown), "/engine");

  spec = {};
  spec.model_file = reflect::RelativePath::parse("other.onnx");
  EXPECT_EQ(refused_field(spec, digits()), "/model_file");
  ResolvedVersion braces = digits();
  braces.files = {{"{port}.onnx", 1, ""}};
  EXPECT_EQ(refused_field({}, braces), "/model_file");
  spec = {};
  spec.resources.cpus = -1;
  EXPECT_EQ(refused_field(spec, digits()), "/resources/cpus");
  spec = {};
  spec.probes.liveness.path = Bounded<1, 512>::parse("health");
  EXPECT_EQ(refused_field(spec, digits()), "/probes/liveness/path");
  spec = {};
  ProcessRuntime fixed;
  fixed.port = reflect::Port::parse(9000);
  spec.runtime = fixed;
  EXPECT_EQ(refused_field(spec, digits()), "accepted");
  EXPECT_EQ(refused_field(spec, digits(), 2), "/runtime/port");
}

TEST(Document, VariablesThatLoadCodeAreRefused) {
  for (const char* good : {"HF_TOKEN", "_x", "A1", "LDAP"}) EXPECT_TRUE(VariableName::parse(good)) << good;
  for (const char* bad : {"", "1A", "A-B", "A B", "LD_PRELOAD", "PATH", "PYTHONPATH", "A=B"})
    EXPECT_FALSE(VariableName::parse(bad)) << bad;
}

TEST(Document, DiffNamesEachChange) {
  DeploymentSpec spec;
  const RevisionDocument before = make_document(spec, gemma(), catalogue(), 1);
  spec.flags = {{"ctx_size", 8192}, {"threads", 2}};
  const RevisionDocument after = make_document(spec, gemma(), catalogue(), 1);
  std::vector<std::string> pointers;
  for (const DocumentChange& change : diff(before, after)) pointers.push_back(change.pointer);
  EXPECT_THAT(pointers, ElementsAre("/flags/ctx_size", "/flags/threads", "/runtime/command"));
  EXPECT_FALSE(diff(before, after)[1].before);
  EXPECT_TRUE(diff(before, before).empty());
}

}  // namespace
}  // namespace modelops::deployments
