export default function TheoryPage() {
  return <h1>Theory</h1>;
}
