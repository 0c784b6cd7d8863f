//! Labels beside the data, none over another.

use super::Role;

/// A name broken into lines.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns about how wide a text is, in ems: rather too wide than too narrow.
pub(super) fn width(text: &str) -> f64 {
    let of = |letter: char| match letter {
        'i' | 'l' | 'j' | 't' | 'f' | 'r' | ' ' | ',' | '.' | '\'' | '|' | ':' | '(' | ')' => 0.37,
        'm' | 'w' | 'M' | 'W' => 0.9,
        'A'..='Z' => 0.7,
        _ => 0.63,
    };
    text.chars().map(of).sum()
}

/// Returns about how wide a name is, which is bold if it is ours.
pub(super) fn wide(text: &str, role: Role) -> f64 {
    width(text) * if role == Role::Ours { 1.12 } else { 1.0 }
}

/// Labels that touch, and so move together.
struct Block {
    from: f64,
    height: f64,
    /// The sum of where the block's members would have it begin.
    wished: f64,
    members: Vec<usize>,
}

impl Block {
    fn settle(&mut self, least: f64, most: f64) {
        #[allow(clippy::cast_precision_loss, reason = "there are few labels")]
        let wished = self.wished / self.members.len() as f64;
        self.from = wished.min(most - self.height).max(least);
    }
}

/// Moves labels apart: each as near as can be to where it would be in the middle, none over another.
///
/// Takes middles and heights, and returns middles. All lie between the bounds if there is room for them.
pub(super) fn spread(labels: &[(f64, f64)], least: f64, most: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| labels[a].0.total_cmp(&labels[b].0));
    let mut blocks: Vec<Block> = Vec::new();
    for index in order {
        let (middle, height) = labels[index];
        let mut block = Block { from: 0.0, height, wished: middle - height / 2.0, members: vec![index] };
        block.settle(least, most);
        while let Some(above) = blocks.pop_if(|above| above.from + above.height > block.from) {
            #[allow(clippy::cast_precision_loss, reason = "there are few labels")]
            let count = block.members.len() as f64;
            let members = above.members.into_iter().chain(block.members).collect();
            let wished = above.wished + block.wished - above.height * count;
            block = Block { from: 0.0, height: above.height + block.height, wished, members };
            block.settle(least, most);
        }
        blocks.push(block);
    }
    let mut middles = vec![0.0; labels.len()];
    for block in blocks {
        let mut from = block.from;
        for index in block.members {
            middles[index] = from + labels[index].1 / 2.0;
            from += labels[index].1;
        }
    }
    middles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_apart(labels: &[(f64, f64)], middles: &[f64]) {
        let mut extents: Vec<_> = labels
            .iter()
            .zip(middles)
            .map(|(label, middle)| (middle - label.1 / 2.0, middle + label.1 / 2.0))
            .collect();
        extents.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(extents.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9), "{extents:?}");
    }

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(spread(&[(50.0, 10.0), (10.0, 10.0)], 0.0, 100.0), [50.0, 10.0]);
    }

    #[test]
    fn labels_in_one_place_move_apart_around_it() {
        let labels = [(50.0, 10.0); 3];
        let middles = spread(&labels, 0.0, 100.0);
        assert_apart(&labels, &middles);
        assert_eq!(middles, [40.0, 50.0, 60.0]);
    }

    #[test]
    fn any_labels_that_fit_lie_apart_within_the_bounds() {
        let mut state = 1_u64;
        let mut random = |below: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 33).unwrap() % below)
        };
        for _ in 0..1000 {
            let labels: Vec<_> = (0..12).map(|_| (random(400), 12.0 + 14.0 * random(2))).collect();
            let middles = spread(&labels, 0.0, 400.0);
            assert_apart(&labels, &middles);
            let is_inside = |(label, middle): (&(f64, f64), &f64)| {
                middle - label.1 / 2.0 >= -1e-9 && middle + label.1 / 2.0 <= 400.0 + 1e-9
            };
            assert!(labels.iter().zip(&middles).all(is_inside), "{labels:?}: {middles:?}");
        }
    }

    #[test]
    fn names_break_between_words() {
        assert_eq!(wrap("crossbeam ArrayQueue, between threads", 21), ["crossbeam ArrayQueue,", "between threads"]);
    }
}
