#include "audit/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/text.hpp"
#include "platform/crypto/sign.hpp"

namespace modelops::audit {
namespace {

using testing::HasSubstr;

const crypto::KeyPair signer = crypto::signing_key_from(Secret(std::string(32, '\x11')));
const std::map<std::string, std::string> signers = {{"k1", signer.public_key}};

struct Export {
  std::vector<std::string> lines;
  std::vector<SignedTreeHead> heads;
  Frontier tree;

  explicit Export(const std::string& organisation = "org_1") { lines.push_back(export_header(organisation, signers)); }
  void add(const ExportedRecord& record) {
    lines.push_back(export_record(tree.size(), record));
    tree.append(leaf_hash(encode_leaf(record.leaf)));
  }
  void sign(const Secret& key = signer.private_key) {
    heads.push_back(sign_head({"org_1", tree.size(), tree.root(), {1'800'000'000'000'000}, "k1"}, key));
    lines.push_back(export_head(heads.back()));
  }
  void end() { lines.push_back(export_end(tree.size())); }
};

ExportedRecord record(int number) {
  const Salted payload{R"({"action":"model.create","name":"Wörter )" + std::to_string(number) + "\"}",
                       std::string(32, 's')};
  const Salted person{R"({"email":"ann@example.org"})", std::string(32, 'p')};
  ExportedRecord made{
      {"aud_" + std::to_string(number), "org_1", {1'800'000'000'000'000 + number}, "", {}}, payload, {}};
  made.leaf.payload_hash = salted_hash(payload.salt, payload.text);
  if (number % 2 == 0) {
    made.personal = person;
    made.leaf.personal_hash = salted_hash(person.salt, person.text);
  }
  return made;
}

/// Header, records 0-3, a head, records 4-6, a head, the end: lines 1, 2-5, 6, 7-9, 10, 11.
Export sample() {
  Export made;
  for (int i = 0; i < 7; ++i) {
    made.add(record(i));
    if (i == 3) made.sign();
  }
  made.sign();
  made.end();
  return made;
}

VerifyReport verify(const std::vector<std::string>& lines, const VerifyOptions& options = {signers, {}}) {
  std::string text;
  for (const std::string& line : lines) text += line;
  std::istringstream stream(text);
  return verify_export(stream, options);
}

/// The report on `lines` must be bad, and its first problem as given.
void expect_problem(const std::vector<std::string>& lines, std::uint64_t line, const std::string& record_id,
                    const std::string& words, const VerifyOptions& options = {signers, {}}) {
  const VerifyReport report = verify(lines, options);
  EXPECT_FALSE(report.ok);
  ASSERT_FALSE(report.problems.empty()) << words;
  EXPECT_EQ(report.problems[0].line, line) << report.problems[0].message;
  EXPECT_EQ(report.problems[0].record_id, record_id) << report.problems[0].message;
  EXPECT_THAT(report.problems[0].message, HasSubstr(words));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return text.replace(at, from.size(), to);
}

TEST(VerifyExport, AcceptsAGenuineOne) {
  const Export made = sample();
  const VerifyReport report = verify(made.lines);
  EXPECT_TRUE(report.ok) << (report.problems.empty() ? "" : report.problems[0].message);
  EXPECT_FALSE(report.keys_from_export);
  EXPECT_EQ(report.organisation, "org_1");
  EXPECT_EQ(report.records, 7U);
  EXPECT_EQ(report.heads, 2U);
  EXPECT_EQ(report.payloads_erased, 0U);
  EXPECT_EQ(report.personal_erased, 0U);
  EXPECT_EQ(report.root_hash, to_hex(made.tree.root()));
}

TEST(VerifyExport, AcceptsAnEmptyTrailAndAMissingLastLineFeed) {
  Export empty;
  empty.sign();
  empty.end();
  EXPECT_TRUE(verify(empty.lines).ok);
  Export made = sample();
  made.lines.back().pop_back();
  EXPECT_TRUE(verify(made.lines).ok);
}

TEST(VerifyExport, FormatIsFrozen) {
  EXPECT_EQ(sample().lines[1],
            R"({"index":0,"record":"aud_0","leaf":")"
            R"(AQAFYXVkXzAABW9yZ18xAAZlFyiYgACoEaZTz0EkEbKmkwQe7VAHgYa2+SLe)"
            R"(puTLG/DBUf8mMwELM8Klp+aDWTpMifS8khzdjbGoqxqn+9ezGIpZCywYLQ==",)"
            R"("payload":"{\"action\":\"model.create\",\"name\":\"Wörter 0\"}",)"
            R"("salt":"c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M=","personal":"{\"email\":\"ann@example.org\"}",)"
            R"("personal_salt":"cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA="})"
            "\n");
  EXPECT_EQ(export_end(7), "{\"end\":true,\"tree_size\":7}\n");
}

TEST(VerifyExport, ErasedDataIsCountedAndTheRestStillHolds) {
  Export made;
  for (int i = 0; i < 4; ++i) {
    ExportedRecord shown = record(i);
    if (i == 1) shown.payload.reset();
    if (i == 2) shown.personal.reset();
    made.add(shown);
  }
  made.sign();
  made.end();
  const VerifyReport report = verify(made.lines);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.payloads_erased, 1U);
  EXPECT_EQ(report.personal_erased, 1U);
}

TEST(VerifyExport, FindsAChangedPayload) {
  Export made = sample();
  made.lines[3] = replaced(made.lines[3], "model.create", "model.delete");
  expect_problem(made.lines, 4, "aud_2", "payload was changed");
  EXPECT_EQ(verify(made.lines).problems.size(), 1U);
}

TEST(VerifyExport, FindsChangedPersonalFields) {
  Export made = sample();
  made.lines[3] = replaced(made.lines[3], "ann@", "bob@");
  expect_problem(made.lines, 4, "aud_2", "personal fields were changed");
}

TEST(VerifyExport, FindsAChangedSalt) {
  Export made = sample();
  made.lines[3] = replaced(made.lines[3], "\"salt\":\"c3Nz", "\"salt\":\"AAAA");
  expect_problem(made.lines, 4, "aud_2", "payload was changed");
}

TEST(VerifyExport, FindsInventedPersonalFields) {
  Export made = sample();
  made.lines[2] = replaced(made.lines[2], "}\n",
                           R"(,"personal":"x","personal_salt":")" + to_base64(record(0).personal->salt) + "\"}\n");
  expect_problem(made.lines, 3, "aud_1", "has no personal fields");
}

TEST(VerifyExport, FindsALeafThatWasMadeAnew) {
  Export made = sample();
  ExportedRecord forged = record(2);
  forged.payload->text = "{}";
  forged.leaf.payload_hash = salted_hash(forged.payload->salt, "{}");
  made.lines[3] = export_record(2, forged);
  expect_problem(made.lines, 6, "", "one from index 0 on was changed");
  Export later = sample();
  forged.leaf.record_id = "aud_5";
  later.lines[7] = export_record(5, forged);
  expect_problem(later.lines, 10, "", "one from index 4 on was changed");
}

TEST(VerifyExport, FindsAnotherRecordsIdAndAnotherOrganisation) {
  Export made = sample();
  made.lines[3] = replaced(made.lines[3], "aud_2", "aud_9");
  expect_problem(made.lines, 4, "aud_9", "another record");
  made = sample();
  made.lines[0] = export_header("org_2", signers);
  expect_problem(made.lines, 2, "aud_0", "another organisation");
}

TEST(VerifyExport, FindsRecordsOutOfOrderMissingTwiceOrAdded) {
  Export made = sample();
  std::swap(made.lines[2], made.lines[3]);
  expect_problem(made.lines, 3, "aud_2", "out of order");
  made = sample();
  made.lines.erase(made.lines.begin() + 2);
  expect_problem(made.lines, 3, "aud_2", "missing or out of order");
  made = sample();
  made.lines.insert(made.lines.begin() + 2, made.lines[1]);
  expect_problem(made.lines, 3, "aud_0", "out of order");
  made = sample();  // with the indices made to fit
  std::swap(made.lines[2], made.lines[3]);
  made.lines[2] = replaced(made.lines[2], "\"index\":2", "\"index\":1");
  made.lines[3] = replaced(made.lines[3], "\"index\":1", "\"index\":2");
  expect_problem(made.lines, 6, "", "was changed");
  made = sample();
  made.lines.insert(made.lines.begin() + 9, export_record(7, record(7)));
  expect_problem(made.lines, 11, "", "missing or were added");
}

TEST(VerifyExport, FindsTruncation) {
  const Export made = sample();
  for (std::size_t kept = 0; kept < made.lines.size(); ++kept)
    EXPECT_FALSE(verify({made.lines.begin(), made.lines.begin() + static_cast<std::ptrdiff_t>(kept)}).ok) << kept;
  std::string text;
  for (const std::string& line : made.lines) text += line;
  for (std::size_t kept = 0; kept + 1 < text.size(); kept += 5) {
    std::istringstream stream(text.substr(0, kept));
    ASSERT_FALSE(verify_export(stream, {signers, {}}).ok) << kept;
  }
  // The last records and their head dropped, and an end forged: honest about less, unless a head was kept.
  std::vector<std::string> shorter(made.lines.begin(), made.lines.begin() + 6);
  shorter.push_back(export_end(4));
  EXPECT_TRUE(verify(shorter).ok);
  expect_problem(shorter, 7, "", "cut off", {signers, made.heads[1].head});
  // Only the head dropped.
  std::vector<std::string> unsigned_end = made.lines;
  unsigned_end.erase(unsigned_end.begin() + 9);
  expect_problem(unsigned_end, 10, "", "no valid head covers all records");
}

TEST(VerifyExport, ComparesWithAHeadKeptFromBefore) {
  const Export made = sample();
  for (const SignedTreeHead& head : made.heads) EXPECT_TRUE(verify(made.lines, {signers, head.head}).ok);
  // History rewritten and signed anew with the genuine key.
  Export rewritten;
  for (int i = 0; i < 7; ++i) rewritten.add(record(i + 10));
  rewritten.sign();
  rewritten.end();
  EXPECT_TRUE(verify(rewritten.lines).ok);
  expect_problem(rewritten.lines, 5, "aud_13", "not those of the expected head", {signers, made.heads[0].head});
  TreeHead foreign = made.heads[0].head;
  foreign.organisation = "org_2";
  expect_problem(made.lines, 1, "", "another organisation", {signers, foreign});
}

TEST(VerifyExport, BelievesOnlyTrustedKeys) {
  const crypto::KeyPair forger = crypto::make_signing_key();
  Export forged;
  forged.lines[0] = export_header("org_1", {{"k1", forger.public_key}});
  forged.add(record(0));
  forged.sign(forger.private_key);
  forged.end();
  expect_problem(forged.lines, 3, "", "signature of the head is wrong");
  const VerifyReport unaided = verify(forged.lines, {});
  EXPECT_TRUE(unaided.ok);
  EXPECT_TRUE(unaided.keys_from_export);
  expect_problem(sample().lines, 6, "", "not trusted", {{{"k2", signer.public_key}}, {}});
}

TEST(VerifyExport, FindsChangedHeads) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"tree_size\":4", "\"tree_size\":3"}, {"2027", "2028"}, {"\"signature\":\"", "\"signature\":\"AAAA"}}) {
    Export made = sample();
    made.lines[5] = replaced(made.lines[5], from, to);
    expect_problem(made.lines, 6, "", "signature of the head is wrong");
  }
}

TEST(VerifyExport, RefusesLinesThatAreNone) {
  const auto with_line = [](std::size_t at, std::string line) {
    Export made = sample();
    made.lines[at] = std::move(line);
    return made.lines;
  };
  expect_problem({}, 0, "", "empty");
  expect_problem(with_line(0, "{}\n"), 1, "", "'format' is missing");
  expect_problem(with_line(0, "{\"format\":\"modelops-audit-v2\"}\n"), 1, "", "not an export of format");
  expect_problem(with_line(3, "\n"), 4, "", "not a JSON object");
  expect_problem(with_line(3, "[1]\n"), 4, "", "not a JSON object");
  expect_problem(with_line(3, "{}\n"), 4, "", "neither a record");
  expect_problem(with_line(3, std::string(100, '[') + "\n"), 4, "", "not a JSON object");
  expect_problem(with_line(3, std::string("{\0}\n", 4)), 4, "", "not a JSON object");
  expect_problem(with_line(3, "{\"index\":-1}\n"), 4, "", "whole number");
  expect_problem(with_line(3, "{\"index\":2,\"record\":7}\n"), 4, "", "must be a text");
  expect_problem(with_line(3, "{\"index\":2,\"record\":\"aud_2\",\"leaf\":\"?\"}\n"), 4, "aud_2", "base64");
  expect_problem(with_line(3, "{\"index\":2,\"record\":\"aud_2\",\"leaf\":\"AAAA\"}\n"), 4, "aud_2",
                 "leaf is malformed");
  expect_problem(with_line(3, std::string(export_line_bytes_max + 1, ' ') + "\n"), 4, "", "longer than");
  expect_problem(with_line(3, replaced(sample().lines[3], "}\n", ",\"approved_by\":\"ann\"}\n")), 4, "aud_2",
                 "'approved_by' is not known");
  expect_problem(with_line(10, sample().lines[10] + "{}\n"), 12, "", "nothing may follow the end");
  expect_problem(with_line(10, "{\"end\":true,\"tree_size\":8}\n"), 11, "", "the end names 8 records");
}

TEST(VerifyExport, ReportsABoundedNumberOfProblems) {
  Export made;
  for (int i = 0; i < 300; ++i) {
    made.add(record(1));
    made.lines.back() = replaced(made.lines.back(), "model.create", "model.delete");
  }
  made.sign();
  made.end();
  EXPECT_EQ(verify(made.lines).problems.size(), 100U);
}

// "\x1b[2J" clears a terminal, U+202E turns what follows around: with them an export could hide what is wrong with it.
TEST(VerifyExport, AReportCannotBeHiddenByWhatItQuotes) {
  Export made("org\x1b[2J\u202e");
  made.lines.push_back("{\"end\":true,\"tree_size\":0,\"\\u001b[2J\":1}\n");
  const VerifyReport report = verify(made.lines);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.organisation, "org?[2J?");
  ASSERT_FALSE(report.problems.empty());
  for (const VerifyProblem& problem : report.problems) EXPECT_FALSE(has_invisible_characters(problem.message));
}

}  // namespace
}  // namespace modelops::audit
