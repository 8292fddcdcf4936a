//! Which of the names there are was probably meant.

/// The name that differs least, if it differs little: by one letter in four, and by three at most.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let most = (name.chars().count() / 4).clamp(1, 3);
    let distances =
        known.into_iter().map(|other| (strsim::osa_distance(&name, &other.to_lowercase()), other));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_a_name_that_differs_little_is_near() {
        let known = ["AdministratorAccess", "ReadOnlyAccess", "ada", "dev"];
        assert_eq!(nearest("administratoracces", known), Some("AdministratorAccess"));
        assert_eq!(nearest("adm", known), Some("ada"));
        assert_eq!(nearest("PowerUserAccess", known), None);
    }
}
