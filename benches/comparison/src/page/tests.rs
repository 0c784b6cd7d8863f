use crate::{markdown, page, report::samples};

/// The sentences of a text without its tags, each with a verb's worth of words.
fn sentences(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut is_tag = false;
    for letter in text.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                plain.push('\n');
            }
            _ if is_tag => {}
            letter => plain.push(letter),
        }
    }
    let parts = plain.split(['\n', '|']).flat_map(|line| line.split_inclusive(". "));
    parts.map(|part| part.trim().to_owned()).filter(|part| part.ends_with('.') && part.split(' ').count() > 2).collect()
}

fn assert_no_sentence_twice(text: &str) {
    let mut sentences = sentences(text);
    assert!(sentences.len() > 10, "{sentences:?}");
    sentences.sort();
    let twice: Vec<_> = sentences.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn no_sentence_stands_in_the_report_twice() {
    let report = samples::whole();
    assert!(report.behind().len() > 3);
    assert_no_sentence_twice(&page::write(&report).unwrap());
    assert_no_sentence_twice(&markdown::write(&report));
}

#[test]
fn every_table_has_a_plot_for_each_size_of_window() {
    let html = page::write(&samples::whole()).unwrap();
    // A family, a table of single times, another table, and a table of facts.
    assert_eq!(html.matches("<svg class=\"plot wide\"").count(), 4);
    assert_eq!(html.matches("<svg class=\"plot narrow\"").count(), 4);
}

#[test]
fn names_are_text_and_not_tags() {
    let html = page::write(&samples::whole()).unwrap();
    assert!(html.contains("&lt;pipe&gt; &amp; &quot;co&quot;"));
    assert!(!html.contains("<pipe>"));
}

#[test]
fn a_report_that_is_written_and_read_is_the_same() {
    let report = samples::whole();
    let text = serde_json::to_string(&report).unwrap();
    let again = serde_json::from_str(&text).unwrap();
    assert_eq!(page::write(&report).unwrap(), page::write(&again).unwrap());
}
